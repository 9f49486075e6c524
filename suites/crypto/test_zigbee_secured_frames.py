"""NWK and APS frames secured at level 5: opened, and made again octet for octet."""

from lab.verdicts import Violation
from suites.crypto.expect import expect_equal
from zigbee.aps import ApsFrame
from zigbee.dissect import Dissector
from zigbee.errors import SecurityError
from zigbee.keyring import KeyRing
from zigbee.mac import MacFrame
from zigbee.nwk import NwkFrame
from zigbee.security import aps_key, nonce, secure_aps, secure_nwk, unsecure_aps, unsecure_nwk

ALGORITHM = "zigbee_secured_frames"
CLAUSES = ["ZB-4.3", "ZB-4.4.1", "ZB-4.5.3"]


def test_zigbee_secured_frames(vector):
    if not vector.valid:
        check_refused(vector)
        return
    mac = MacFrame.from_bytes(vector.octets("macFrame"))
    expect_equal("NWK frame", vector.octets("nwkFrame"), mac.payload)
    nwk = NwkFrame.from_bytes(mac.payload)
    if "nwk" in vector:
        nwk = check_nwk(vector, nwk)
    if "aps" in vector:
        check_aps(vector, ApsFrame.from_bytes(nwk.payload))
    check_dissector(vector)


def check_nwk(vector, secured):
    key = vector.octets("nwk.key")
    check_header(vector, "nwk", secured)
    plain = unsecure_nwk(secured, key)
    expect_equal("NWK plaintext", vector.octets("nwk.plaintext"), plain.payload)
    aux = secured.aux
    again = secure_nwk(
        plain,
        key,
        source=aux.source,
        frame_counter=aux.frame_counter,
        key_sequence=aux.key_sequence,
    )
    expect_equal("NWK frame made again", vector.octets("nwkFrame"), again.to_bytes())
    return plain


def check_aps(vector, secured):
    link_key = vector.octets("aps.linkKey")
    aux = secured.aux
    check_header(vector, "aps", secured)
    expect_equal("APS key", vector.octets("aps.key"), aps_key(link_key, aux.key_id))
    plain = unsecure_aps(secured, link_key)
    expect_equal("APS plaintext", vector.octets("aps.plaintext"), plain.payload)
    again = secure_aps(
        plain,
        link_key,
        source=aux.source,
        frame_counter=aux.frame_counter,
        key_id=aux.key_id,
        extended_nonce=True,
    )
    expect_equal("APS frame made again", secured.to_bytes(), again.to_bytes())


def check_header(vector, layer, frame):
    aux = frame.aux
    expect_equal("header", vector.octets(f"{layer}.header"), frame.header_bytes())
    expect_equal("auxiliary header", vector.octets(f"{layer}.auxiliaryHeader"), aux.to_bytes())
    control = bytes([aux.control()])
    expect_equal("security control", vector.octets(f"{layer}.securityControlOnAir"), control)
    expect_equal("key identifier", vector.value(f"{layer}.keyIdentifier"), int(aux.key_id))
    expect_equal("frame counter", vector.value(f"{layer}.frameCounter"), aux.frame_counter)
    source = vector.octets(f"{layer}.sourceAddressOnAir")
    expect_equal("source address", source, aux.source.to_le())
    number = nonce(aux.source, aux.frame_counter, aux.control(5))
    expect_equal("nonce", vector.octets(f"{layer}.nonce"), number)
    aad = frame.header_bytes() + aux.to_bytes(5)
    expect_equal("authenticated data", vector.octets(f"{layer}.aad"), aad)
    sealed = vector.octets(f"{layer}.ct") + vector.octets(f"{layer}.mic")
    expect_equal("ciphertext and MIC", sealed, frame.payload)


def check_dissector(vector):
    keys = KeyRing()
    if "nwk" in vector:
        sequence = NwkFrame.from_bytes(vector.octets("nwkFrame")).aux.key_sequence
        keys.add_network(vector.octets("nwk.key"), sequence)
    if "aps" in vector:
        keys.add_link(vector.octets("aps.linkKey"))
    packet = Dissector(keys).dissect(vector.octets("macFrame"))
    expect_equal("error of the dissector", None, packet.error)
    if "nwk" in vector:
        expect_equal("NWK opened", True, packet.nwk_opened)
        expect_equal("NWK plaintext", vector.octets("nwk.plaintext"), packet.nwk.payload)
    if "aps" in vector:
        expect_equal("APS opened", True, packet.aps_opened)
        expect_equal("APS plaintext", vector.octets("aps.plaintext"), packet.aps.payload)


def check_refused(vector):
    frame = NwkFrame.from_bytes(vector.octets("nwkFrame"))
    try:
        opened = unsecure_nwk(frame, vector.octets("networkKey"))
    except SecurityError as error:
        expect_equal("reason", "mic", error.field)
        return
    raise Violation("the frame does not open: wrong MIC", f"opened: {opened.payload.hex()}")
