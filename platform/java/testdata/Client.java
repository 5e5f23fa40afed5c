import java.net.URI;
import java.security.KeyStore;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** Says what a Java program trusts: how many roots, then one line for each URL. */
public class Client {
    public static void main(String[] urls) throws Exception {
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init((KeyStore) null);
        X509TrustManager manager = (X509TrustManager) factory.getTrustManagers()[0];
        System.out.println("roots " + manager.getAcceptedIssuers().length);
        for (String url : urls) {
            HttpsURLConnection connection = (HttpsURLConnection) URI.create(url).toURL().openConnection();
            connection.setConnectTimeout(10000);
            connection.setReadTimeout(10000);
            try {
                System.out.println("answer " + connection.getResponseCode());
            } catch (SSLException e) {
                System.out.println("refused");
            }
        }
    }
}
