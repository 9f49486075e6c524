"""A payload in an unsecured frame, for oracles that want whole frames."""

from __future__ import annotations

from zigbee.aps import ApsFrame, ApsType
from zigbee.mac import MacFrame, MacType
from zigbee.nwk import NwkFrame, NwkType


def psdu(cluster: int, profile: int, endpoint: int, payload: bytes) -> bytes:
    """The APS payload in APS, NWK and MAC headers, without FCS."""
    aps = ApsFrame(
        ApsType.DATA,
        1,
        dst_endpoint=endpoint,
        cluster=cluster,
        profile=profile,
        src_endpoint=endpoint,
        payload=payload,
    )
    nwk = NwkFrame(NwkType.DATA, 0x1234, 0x0000, 30, 7, payload=aps.to_bytes())
    mac = MacFrame(
        MacType.DATA,
        1,
        dst_pan=0x1A62,
        dst=0x1234,
        src=0,
        payload=nwk.to_bytes(),
        pan_compression=True,
    )
    return mac.to_bytes()
