import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Collection;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

// Reads lines of number, purpose, host, port and a file with a chain in PEM, and prints
// the number and what Java makes of it: servers are asked by a connection with HTTPS'
// check of the name, clients' chains are given to the trust manager that a server has,
// code to the validator that Java has for it. The roots are those of the keystore, or
// of the certificate, that is the first argument.
public class Thief {
    public static void main(String[] args) throws Exception {
        X509TrustManager manager = manager(args[0]);
        javax.net.ssl.SSLContext context = javax.net.ssl.SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {manager}, null);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] f = line.split("\t", -1);
            String verdict = "accepted\t";
            try {
                ask(manager, context.getSocketFactory(), f[1], f[2], f[3], f[4]);
            } catch (SSLException | CertificateException e) {
                verdict = "refused\t" + e;
            } catch (IOException | ReflectiveOperationException e) {
                verdict = "broken\t" + e;
            }
            System.out.println(f[0] + "\t" + verdict.replace('\n', ' '));
        }
    }

    static X509TrustManager manager(String root) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        store.setCertificateEntry("root", chain(root)[0]);
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        return (X509TrustManager) factory.getTrustManagers()[0];
    }

    static X509Certificate[] chain(String file) throws IOException, CertificateException {
        try (InputStream in = new FileInputStream(file)) {
            Collection<? extends Certificate> all = CertificateFactory.getInstance("X.509").generateCertificates(in);
            return all.toArray(new X509Certificate[0]);
        }
    }

    static void ask(X509TrustManager manager, SSLSocketFactory sockets, String purpose, String host, String port, String file)
            throws IOException, CertificateException, ReflectiveOperationException {
        if (purpose.equals("client")) {
            manager.checkClientTrusted(chain(file), "EC");
            return;
        }
        if (purpose.equals("code")) {
            code(manager.getAcceptedIssuers(), chain(file));
            return;
        }
        Socket plain = new Socket();
        plain.connect(new InetSocketAddress("127.0.0.1", Integer.parseInt(port)));
        try (SSLSocket socket = (SSLSocket) sockets.createSocket(plain, host, 443, true)) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            socket.setSSLParameters(parameters);
            socket.startHandshake();
        }
    }

    // code is what jarsigner asks; it is no public part of Java.
    static void code(X509Certificate[] roots, X509Certificate[] chain) throws CertificateException, ReflectiveOperationException {
        Class<?> type = Class.forName("sun.security.validator.Validator");
        Object validator = type.getMethod("getInstance", String.class, String.class, Collection.class)
            .invoke(null, "PKIX", "code signing", java.util.Arrays.asList(roots));
        try {
            type.getMethod("validate", X509Certificate[].class).invoke(validator, (Object) chain);
        } catch (java.lang.reflect.InvocationTargetException e) {
            if (e.getCause() instanceof CertificateException) throw (CertificateException) e.getCause();
            throw e;
        }
    }
}
