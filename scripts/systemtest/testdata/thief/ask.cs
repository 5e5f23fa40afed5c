// Reads lines of number, purpose, host, port and the files of a chain in DER, and
// prints the number and what .NET makes of it: servers are asked by an SslStream with
// the machine's roots and nothing set, the others' chains are built as
// applications build them, for the purpose and without a look at revocation.
using System;
using System.IO;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

internal class StartupHook
{
    public static void Initialize()
    {
        for (string line = Console.In.ReadLine(); line != null; line = Console.In.ReadLine())
        {
            string[] f = line.Split('\t');
            string verdict;
            try { verdict = f[1] == "server" ? Connect(f[2], int.Parse(f[3])) : Build(f[1], f[4].Split(' ')); }
            catch (AuthenticationException e) { verdict = "refused\t" + e.Message; }
            catch (CryptographicException e) { verdict = "refused\t" + e.Message; }
            catch (Exception e) { verdict = "broken\t" + e; }
            Console.WriteLine(f[0] + "\t" + verdict.Replace('\n', ' '));
        }
        Environment.Exit(0);
    }

    static string Connect(string host, int port)
    {
        using (var plain = new TcpClient("127.0.0.1", port))
        using (var stream = new SslStream(plain.GetStream()))
        {
            stream.AuthenticateAsClient(host);
            return "accepted\t";
        }
    }

    static string Build(string purpose, string[] files)
    {
        var chain = new X509Chain();
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(purpose == "client" ? "1.3.6.1.5.5.7.3.2" : purpose == "code" ? "1.3.6.1.5.5.7.3.3" : "1.3.6.1.5.5.7.3.4"));
        for (int i = 1; i < files.Length; i++) chain.ChainPolicy.ExtraStore.Add(new X509Certificate2(File.ReadAllBytes(files[i])));
        if (chain.Build(new X509Certificate2(File.ReadAllBytes(files[0])))) return "accepted\t";
        string why = "";
        foreach (var status in chain.ChainStatus) why += status.Status + " ";
        return "refused\t" + why;
    }
}
