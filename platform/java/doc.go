// Package java is the roots that Java programs trust: the keystore cacerts of
// every JDK and JRE that can be found on the machine, each once however many
// Javas link to it.
//
// Looking and changing are apart. The look reads the keystores itself, since
// starting a Java takes longer than the rest of a status together; it needs no
// rights and believes bytes, not aliases. The change is made by the Java's own
// keytool on a copy, which takes the keystore's place only when it holds all that
// was there before and nothing but what was asked for: keytool itself empties
// the file that it writes to. What the user owns is changed as the user; what is
// the machine's by the privileged child, which finds the Javas by itself, and only
// where the system keeps them, and starts no keytool of a Java that anybody but an
// administrator could have changed.
//
// It never makes a keystore where there is none, never touches a private key or
// a certificate that is not devcert's, and knows no password but "changeit",
// the one that Java is shipped with and that protects nothing.
//
// # Not through smallstep/truststore
//
// Its Java part is for one JAVA_HOME: it takes a missing one for success, finds
// an alias by the words that keytool prints in English, writes in place, and
// leaves what Debian's hook has added under another alias. None of that could
// be mended from outside.
package java
