"""ZigBee Smart Energy on the wire: octets to objects and back, and the cryptography between.

Nothing here does I/O, reads a clock or starts a thread. Multi-octet integers on the air are
little-endian (ZigBee 053474, 1.2.1) unless a docstring says otherwise. Everything that parses
encodes back to the same octets; everything that does not parse raises `errors.CodecError`.
"""
