"""PRICE: what a price client asks for, takes, shows and refuses (075356 Annex D.4)."""

import pytest

from lab.air import overtime
from lab.cases import case, observe, remark, step
from lab.judging import demand, in_service, in_time
from lab.patterns import zcl
from lab.procedures import join, key_established
from lab.registers.facts import fact

CONSOLE = ["radio", "sniffer", "console"]
TOLERANCE = 10.0
PRICE = 0x0700


@pytest.fixture
def client(tc, dut_in_service):
    """A price client in service with no price in force: what it had is cancelled by a new one."""
    tc.base = getattr(tc, "base", 1000) + 100
    tc.publish(tc.base, 1, minutes=1)
    tc.bench.wait(61)
    return dut_in_service


def shows(dut, value, *, within=TOLERANCE, bench):
    """Demand that the device shows a price of this value, as text, within a time."""
    limit = bench.now() + within
    end = limit + (overtime(within) if within else 0.0)
    while (shown := dut.show_price()).get("value") != value and bench.now() < end:
        bench.wait(1)
    expected = f"{value or 'no price'} on show"
    demand(shown.get("value") == value, expected, f"shows {shown}")
    late = bench.now() - limit
    in_time(late <= 1, f"{expected} within {within:g} s", f"{late:.0f} s later")


@case(
    "PRICE-01",
    clauses=["D.4.3", "5.5.5.2"],
    pics="PRI-C",
    dut=["ipd"],
    deadline=8000,
    facts=["price.asked_at_start"],
)
def test_current_price_requested_at_start(tc, dut, air):
    """The current price is requested at the start."""
    with step("Join, and wait for the end of key establishment", "a link key"):
        join(tc, dut)
        key_established(tc)
        observe("key establishment done")
    with step("Watch the price client", "Get Current Price under the link key within 300 s"):
        start = air.mark()
        asked = air.expect(zcl("GetCurrentPrice").under_link_key(), within=300, since=start)
    with step("Publish a price of 0.1234", "no error"):
        sequence = tc.publish(1, 1234)
        heard = air.seek(zcl("DefaultResponse").numbered(sequence), within=5)
        status = heard.packet.command.fields["status"] if heard else 0
        demand(status == 0, "status 0 or none", f"status {status:#04x} after {asked.number} frames")


@case("PRICE-02", clauses=["D.4.2.4.1"], pics="PRI-C", dut=["ipd"], needs=CONSOLE)
def test_price_fields_are_decoded(tc, client, air):
    """The fields of a price are decoded."""
    with step("Price 12345 with trailing digits 0 to 6", "price times ten to the minus digits"):
        for digits in range(7):
            tc.publish(tc.base + 1 + digits, 12345, digits=digits)
            shows(client, f"{12345 / 10**digits:.{digits}f}", bench=tc.bench)
    with step("Tiers 1 to 6 with 2 and 4 digits, currencies 826 and 978", "shown as sent"):
        for tier in range(1, 7):
            for digits in (2, 4):
                event = tc.base + 10 + tier * 2 + digits // 4
                currency = 826 if digits == 2 else 978
                tc.publish(event, 12345, digits=digits, tier=tier, currency=currency)
                tc.bench.wait(1)
                shown = client.show_price()
                seen = (int(shown.get("tier", -1)), int(shown.get("currency", -1)))
                demand(seen == (tier, currency), f"{(tier, currency)}", f"{seen}")


@case("PRICE-03", clauses=["D.4.2.4.1"], pics="PRI-C", dut=["ipd"], needs=CONSOLE)
def test_start_now_and_until_changed(tc, client, air):
    """Start time 0 is now, and duration 0xFFFF lasts until it is changed."""
    with step("Price 1 from now until changed", "shown at once"):
        tc.publish(tc.base + 1, 1111, minutes=0xFFFF)
        start = tc.bench.now()
        shows(client, "0.1111", bench=tc.bench)
    with step("Price 2 from +120 s", "shown at its start, not before"):
        tc.publish(tc.base + 2, 2222, start=tc.utc() + 120, minutes=30)
        start = tc.bench.now()
        tc.bench.wait(110)
        shows(client, "0.1111", within=0, bench=tc.bench)
        tc.bench.wait(start + 120 - tc.bench.now())
        shows(client, "0.2222", bench=tc.bench)
    with step("Price 3 from now until changed, 60 s later", "shown at once"):
        tc.bench.wait(60)
        tc.publish(tc.base + 3, 3333, minutes=0xFFFF)
        shows(client, "0.3333", bench=tc.bench)
        tc.publish(tc.base + 4, 1, minutes=1)


@case("PRICE-04", clauses=["D.4.2.4.1"], pics="PRI-C", dut=["ipd"], needs=CONSOLE)
def test_current_and_next_price_are_held(tc, client, air):
    """At least the current and the next price are held."""
    with step("Price 1 for 2 min and price 2 after it; the ESI falls silent", "2 by itself"):
        tc.publish(tc.base + 1, 1111, minutes=2)
        tc.publish(tc.base + 2, 2222, start=tc.utc() + 120, minutes=10)
        start = tc.bench.now()
        tc.bench.wait(tc.poll_period)  # a sleepy device has to fetch both
        with tc.tapped("mac", "out", lambda frame: None):
            shows(client, "0.1111", bench=tc.bench)
            tc.bench.wait(start + 120 - tc.bench.now())
            shows(client, "0.2222", bench=tc.bench)


@case("PRICE-05", clauses=["D.4.2.4.1"], pics="PRI-C", dut=["ipd"], needs=CONSOLE)
def test_newer_identity_wins(tc, client, air):
    """The newer identity wins where prices overlap."""
    base = tc.base
    with step("Price 5 (0.10), then price 6 (0.20), both from now", "6 on show"):
        tc.publish(base + 5, 10, digits=2)
        tc.publish(base + 6, 20, digits=2)
        shows(client, "0.20", bench=tc.bench)
    with step("Price 5 again, 4 from now, 3 from +120 s: all older", "6 stays for 240 s"):
        tc.publish(base + 5, 10, digits=2)
        tc.publish(base + 4, 40, digits=2, minutes=30)
        tc.publish(base + 3, 30, digits=2, start=tc.utc() + 120)
        for _ in range(8):
            shows(client, "0.20", within=0, bench=tc.bench)
            tc.bench.wait(30)


@case("PRICE-06", clauses=["D.4.2.4.1"], pics="PRI-C", dut=["ipd"], kind="negative", needs=CONSOLE)
def test_expired_price_is_not_applied(tc, client, air):
    """An expired price is not applied."""
    with step("Price 8 (0.80) in force, then price 7 that ended an hour ago", "0.80 stays"):
        tc.publish(tc.base + 7, 80, digits=2)
        shows(client, "0.80", bench=tc.bench)
        tc.publish(tc.base + 8, 70, digits=2, start=tc.utc() - 7200)
        for _ in range(6):
            tc.bench.wait(10)
            shows(client, "0.80", within=0, bench=tc.bench)


@case("PRICE-07", clauses=["D.4.2.4.1"], pics="PRI-C", dut=["ipd"], level="should", needs=CONSOLE)
def test_no_price_after_expiry(tc, client, air):
    """No price is shown after it has expired."""
    with step("Price 9 for 2 min with no successor", "no valid price after it, within 60 s"):
        tc.publish(tc.base + 9, 9999, minutes=2)
        shows(client, "0.9999", bench=tc.bench)
        start = air.mark()
        tc.bench.wait(120)
        shows(client, None, within=60, bench=tc.bench)
        remark(f"{len(air.find(zcl('GetCurrentPrice'), since=start))} requests at expiry")


@case("PRICE-08", clauses=["D.4.2.4.1", "D.4.3"], pics="PRI-ACK", dut=["ipd"], revision="1.1")
def test_acknowledgement_when_required(tc, client, air):
    """A price is acknowledged when that is required."""
    with step("Price 10 with PriceControl 0x01", "one Price Acknowledgement, fields echoed"):
        tc.publish(
            tc.base + 10,
            10,
            AlternateCostDelivered=0xFFFFFFFF,
            AlternateCostUnit=0xFF,
            AlternateCostTrailingDigit=0xFF,
            NumberOfBlockThresholds=0xFF,
            PriceControl=1,
        )
        heard = air.expect(zcl("PriceAcknowledgement").under_link_key(), within=10)
        fields = heard.packet.command.fields
        demand(
            fields["IssuerEventID"] == tc.base + 10 and fields["ProviderID"] == 1,
            "echoed",
            f"event {fields['IssuerEventID']}, provider {fields['ProviderID']}",
        )
        away = abs(fields["PriceAckTime"] - tc.utc())
        size = len(heard.packet.zcl.payload)
        demand(size == 13, "13 octets", f"{size} octets")
        near = fact("time.sync_accuracy")
        demand(away <= near, f"a time within {near} s", f"{away} s away")
    with step("Price 11 with PriceControl 0x00", "none"):
        tc.publish(tc.base + 11, 11)
        air.never(zcl("PriceAcknowledgement"), during=10)
        in_service(tc)


@case(
    "PRICE-17",
    clauses=["D.4.2.4.1", "LAB-ROB"],
    pics="PRI-C",
    dut=["ipd"],
    kind="robustness",
    needs=CONSOLE,
)
def test_extreme_values(tc, client, air):
    """Extreme values do no harm."""
    label = "préféré-é".encode()[:11]
    extremes = [
        {"price": 0},
        {"price": 0xFFFFFFFE},
        {"price": 5, "digits": 15},
        {"price": 5, "tier": 15},
        {"price": 5, "RateLabel": label},
        {"price": 5, "minutes": 0},
    ]
    with step("Prices with extreme values, a control read after each", "answered"):
        for number, extreme in enumerate(extremes, 1):
            tc.publish(tc.base + number, **extreme)
            in_service(tc)
            remark(f"{extreme}: shows {client.show_price().get('value')}")
    with step("A normal price", "shown"):
        tc.publish(tc.base + 20, 1234)
        shows(client, "0.1234", bench=tc.bench)
