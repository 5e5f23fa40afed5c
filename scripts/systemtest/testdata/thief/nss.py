# Asks NSS' own verifier: reads lines of number, purpose, host and a file with a chain
# in PEM, verifies each as SSL_AuthCertificate does, with the root of the file named,
# and prints the number and the verdict. Trust is what certutil calls "C,," as devcert
# writes it, and for clients "T,,", which a server that is to accept them needs.
import base64
import ctypes
import re
import sys

nss, nspr = ctypes.CDLL("libnss3.so"), ctypes.CDLL("libnspr4.so")
SERVER, CLIENT, MAIL, CODE = 0x0002, 0x0001, 0x0010, 0x0040  # certificateUsage… of certt.h
USAGES = {"server": SERVER, "client": CLIENT, "email": MAIL, "code": CODE}
TRUSTED = {"server": b"C,,", "client": b"T,,", "email": b"C,,", "code": b"C,,"}


class Item(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("data", ctypes.c_char_p), ("len", ctypes.c_uint)]


class Trust(ctypes.Structure):
    _fields_ = [("ssl", ctypes.c_uint), ("email", ctypes.c_uint), ("code", ctypes.c_uint)]


pointer = ctypes.c_void_p
nss.CERT_GetDefaultCertDB.restype = pointer
nss.CERT_NewTempCertificate.restype = pointer
nss.CERT_NewTempCertificate.argtypes = [pointer, ctypes.POINTER(Item), ctypes.c_char_p, ctypes.c_int, ctypes.c_int]
nss.CERT_DecodeTrustString.argtypes = [ctypes.POINTER(Trust), ctypes.c_char_p]
nss.CERT_ChangeCertTrust.argtypes = [pointer, pointer, ctypes.POINTER(Trust)]
nss.CERT_VerifyCertificateNow.argtypes = [pointer, pointer, ctypes.c_int, ctypes.c_int64, pointer, pointer]
nss.CERT_VerifyCertName.argtypes = [pointer, ctypes.c_char_p]
nss.CERT_DestroyCertificate.argtypes = [pointer]
nspr.PR_ErrorToName.restype = ctypes.c_char_p


def certificates(file):
    with open(file) as text:
        blocks = re.findall("-----BEGIN CERTIFICATE-----(.*?)-----END", text.read(), re.S)
    return [base64.b64decode(b) for b in blocks]


def take(db, der):
    return nss.CERT_NewTempCertificate(db, ctypes.byref(Item(0, der, len(der))), None, 0, 1)


def verdict(db, purpose, host, file):
    held = [take(db, der) for der in certificates(file)]
    try:
        if not held[0]:
            return False
        if nss.CERT_VerifyCertificateNow(db, held[0], 1, USAGES[purpose], None, None) != 0:
            return False
        return purpose != "server" or nss.CERT_VerifyCertName(held[0], host.encode()) == 0
    finally:
        for cert in held:
            if cert:
                nss.CERT_DestroyCertificate(cert)


if nss.NSS_NoDB_Init(None) != 0:
    sys.exit("NSS_NoDB_Init failed")
db = nss.CERT_GetDefaultCertDB()
root = take(db, certificates(sys.argv[1])[0])
for line in sys.stdin.read().splitlines():
    number, purpose, host, file = line.split("\t")
    trust = Trust()
    if nss.CERT_DecodeTrustString(ctypes.byref(trust), TRUSTED[purpose]) != 0 or nss.CERT_ChangeCertTrust(db, root, ctypes.byref(trust)) != 0:
        sys.exit("the root cannot be trusted")
    good = verdict(db, purpose, host, file)
    reason = "" if good else nspr.PR_ErrorToName(nspr.PR_GetError())
    print(number, "accepted" if good else "refused", reason.decode() if reason else "", sep="\t")
