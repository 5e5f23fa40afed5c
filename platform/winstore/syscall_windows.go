package winstore

import "golang.org/x/sys/windows"

// What golang.org/x/sys/windows does not declare. All of it lives in System32.
//
//go:generate go run golang.org/x/sys/windows/mkwinsyscall -output zsyscall_windows.go syscall_windows.go

//sys	certSetCertificateContextProperty(cert *windows.CertContext, propID uint32, flags uint32, data unsafe.Pointer) (err error) = crypt32.CertSetCertificateContextProperty
//sys	certGetCertificateContextProperty(cert *windows.CertContext, propID uint32, data unsafe.Pointer, size *uint32) (err error) = crypt32.CertGetCertificateContextProperty
//sys	certControlStore(store windows.Handle, flags uint32, ctrlType uint32, para unsafe.Pointer) (err error) = crypt32.CertControlStore

//sys	certAddEncodedCRLToStore(store windows.Handle, encoding uint32, crl *byte, size uint32, disposition uint32, added **crlContext) (err error) = crypt32.CertAddEncodedCRLToStore
//sys	certEnumCRLsInStore(store windows.Handle, last *crlContext) (crl uintptr, err error) [failretval==0] = crypt32.CertEnumCRLsInStore
//sys	certDuplicateCRLContext(crl *crlContext) (dup uintptr) = crypt32.CertDuplicateCRLContext
//sys	certDeleteCRLFromStore(crl *crlContext) (err error) = crypt32.CertDeleteCRLFromStore

//sys	certCreateCertificateChainEngine(config *chainEngineConfig, engine *windows.Handle) (err error) = crypt32.CertCreateCertificateChainEngine
//sys	certFreeCertificateChainEngine(engine windows.Handle) = crypt32.CertFreeCertificateChainEngine

//sys	cryptCreateHash(prov windows.Handle, algID uint32, key windows.Handle, flags uint32, hash *windows.Handle) (err error) = advapi32.CryptCreateHash
//sys	cryptHashData(hash windows.Handle, data *byte, size uint32, flags uint32) (err error) = advapi32.CryptHashData
//sys	cryptSignHash(hash windows.Handle, keySpec uint32, description *uint16, flags uint32, signature *byte, size *uint32) (err error) = advapi32.CryptSignHashW
//sys	cryptDestroyHash(hash windows.Handle) = advapi32.CryptDestroyHash

//sys	ncryptOpenStorageProvider(prov *windows.Handle, name *uint16, flags uint32) (status error) = ncrypt.NCryptOpenStorageProvider
//sys	ncryptOpenKey(prov windows.Handle, key *windows.Handle, name *uint16, legacyKeySpec uint32, flags uint32) (status error) = ncrypt.NCryptOpenKey
//sys	ncryptSignHash(key windows.Handle, padding unsafe.Pointer, hash *byte, hashSize uint32, signature *byte, size uint32, result *uint32, flags uint32) (status error) = ncrypt.NCryptSignHash
//sys	ncryptGetProperty(object windows.Handle, name *uint16, output *byte, size uint32, result *uint32, flags uint32) (status error) = ncrypt.NCryptGetProperty
//sys	ncryptDeleteKey(key windows.Handle, flags uint32) (status error) = ncrypt.NCryptDeleteKey
//sys	ncryptFreeObject(object windows.Handle) = ncrypt.NCryptFreeObject

// Property identifiers (wincrypt.h).
const (
	propKeyProvInfo  = 2  // CERT_KEY_PROV_INFO_PROP_ID
	propFriendlyName = 11 // CERT_FRIENDLY_NAME_PROP_ID
)

const (
	ctrlCommit    = 3      // CERT_STORE_CTRL_COMMIT
	atKeyExchange = 1      // AT_KEYEXCHANGE
	atSignature   = 2      // AT_SIGNATURE
	calgSHA1      = 0x8004 // CALG_SHA1, the one hash that every RSA provider signs
	padPKCS1      = 2      // BCRYPT_PAD_PKCS1
	ncryptMachine = 0x20   // NCRYPT_MACHINE_KEY_FLAG
	ncryptSilent  = 0x40   // NCRYPT_SILENT_FLAG

	engineLocalMachine = 0x8 // CERT_CHAIN_USE_LOCAL_MACHINE_STORE

	chainCacheOnly             = 0x4    // CERT_CHAIN_CACHE_ONLY_URL_RETRIEVAL
	chainDisableAIA            = 0x2000 // CERT_CHAIN_DISABLE_AIA
	chainDisableAuthRootUpdate = 0x100  // CERT_CHAIN_DISABLE_AUTH_ROOT_AUTO_UPDATE
)

// keyProvInfo is CRYPT_KEY_PROV_INFO: where a private key is kept.
type keyProvInfo struct {
	container *uint16
	provider  *uint16
	provType  uint32 // 0: CNG, a key storage provider
	flags     uint32
	numParams uint32
	params    uintptr
	keySpec   uint32
}

// crlContext is CRL_CONTEXT.
type crlContext struct {
	encoding uint32
	encoded  *byte
	size     uint32
	info     uintptr
	store    windows.Handle
}

// pkcs1Padding is BCRYPT_PKCS1_PADDING_INFO.
type pkcs1Padding struct{ hash *uint16 }

// chainEngineConfig is CERT_CHAIN_ENGINE_CONFIG as it was before Windows 7, which
// later ones take too.
type chainEngineConfig struct {
	size                      uint32
	restrictedRoot            windows.Handle
	restrictedTrust           windows.Handle
	restrictedOther           windows.Handle
	numAdditionalStores       uint32
	additionalStores          *windows.Handle
	flags                     uint32
	urlRetrievalTimeout       uint32
	maximumCachedCertificates uint32
	cycleDetectionModulus     uint32
}
