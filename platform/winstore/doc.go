// Package winstore is the certificate stores of Windows, over crypt32: Root, CA
// and My of LocalMachine and CurrentUser, the revocation lists in CA, the private
// keys behind the certificates in My, and what Windows itself says of a chain.
//
// It promises to match certificates by their bytes and nothing else; to open a
// store anew for every look, so that what others did meanwhile is seen; to call
// nothing done that a second look does not show; and to replace and remove no
// certificate but the very one it was given. A store that cannot be opened is an
// error and never an empty one. Private keys come in as values and go to Windows
// through memory: no file, no argument, no error carries them. Nothing here asks
// for rights, and nothing makes Windows ask a person unless the caller said that
// it may (see [Store.MayAsk]).
//
// [Stores] makes of them what devcert keeps a hierarchy in. A look is of both
// locations and needs no rights; the user's stores are changed at once, the
// machine's through [Privileged], on whose other side [Machine] judges every
// request by the bytes of the certificates in it.
//
// The judgements ([JudgeRoots], [Rivals], [IsSelfSigned], what a sight means and
// what a request may do) are pure and work on every system.
//
// # What Wine does not prove
//
// The tests run under Wine, which has no dialog for CurrentUser\Root, no access
// rights on stores and keys (so [KeyDenied] is tested as a decision only), no
// machine's chain engine that leaves out the user's roots, and no CNG: keys on
// elliptic curves and every ncrypt call are unproven, as are addresses in a
// certificate checked by Windows' SSL policy, and stores that group policy
// fills. Wine keeps all keys of a user in one container, so that importing a
// second one makes the first certificate's key [KeyWrong] there. It finds an
// ECDSA signature wrong in which r or s is shorter than the curve: one hierarchy
// in 43 is none to it; and it imports an RSA key with such a short number as
// another key, one in 80. Disallowed has no meaning there. That Windows asks
// before it changes CurrentUser\Root through the physical store, as it does
// through the logical one, is documented only in part (wincrypt.h,
// CERT_SYSTEM_STORE_UNPROTECTED_FLAG).
package winstore
