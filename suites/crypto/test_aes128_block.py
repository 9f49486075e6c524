"""AES-128 itself: the library under all the rest."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from suites.crypto.expect import expect_equal

ALGORITHM = "aes128_block"
CLAUSES = ["ZB-B"]


def test_aes128_block(vector):
    encryptor = Cipher(algorithms.AES(vector.octets("key")), modes.ECB()).encryptor()
    ciphertext = encryptor.update(vector.octets("plaintext"))
    expect_equal("ciphertext", vector.octets("ciphertext"), ciphertext)
