"""Cryptography of ZigBee Smart Energy 1.x.

AES comes from the ``cryptography`` package.  What no maintained package offers is here, in plain
Python: AES-MMO, the binary curves sect163k1 and sect283k1, implicit certificates (ECQV), the key
establishment of clause C of 075356 (ECMQV, key derivation, confirmation) and ECDSA over AES-MMO.

Nothing in this package runs in constant time and nothing hides its secrets from a debugger, a
cache or a power trace.  It is made for the test keys of a laboratory and for nothing else.
"""
