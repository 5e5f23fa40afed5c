import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URL;
import java.net.URLConnection;

public class Ask {
    public static void main(String[] args) {
        try {
            int port = Integer.parseInt(args[1]);
            Proxy proxy = port == 0 ? Proxy.NO_PROXY
                : new Proxy(Proxy.Type.HTTP, new InetSocketAddress("127.0.0.1", port));
            URLConnection connection = new URL(args[0]).openConnection(proxy);
            try (InputStream page = connection.getInputStream()) {
                while (page.read() >= 0) { }
            }
        } catch (Throwable e) {
            System.err.println(e.toString().replace('\n', ' '));
            System.exit(1);
        }
    }
}
