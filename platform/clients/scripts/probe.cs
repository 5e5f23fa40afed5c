// What devcert runs on .NET, to learn what programs there make of its root and its leaf:
//   version ASSEMBLY   says which release an assembly of .NET is of
//   ask URL PORT       opens a page, through the proxy on that port of 127.0.0.1 unless it is 0
//   serve FILE         starts Kestrel, writes to the file on which port, and waits to be ended
// Why it failed goes to standard error, in a line. It sets nothing that has to do with certificates.
//
// HttpClient and Kestrel are reached by name: so it is compiled without either, against no more than
// what every .NET has.
using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Reflection;
using System.Threading;
using System.Threading.Tasks;

static class Probe
{
    static int Main(string[] args)
    {
        try
        {
            switch (args[0])
            {
                case "version": Version(args[1]); break;
                case "ask": Ask(args[1], int.Parse(args[2])); break;
                case "serve": Serve(args[1]); break;
            }
            return 0;
        }
        catch (Exception e)
        {
            while (e.InnerException != null) e = e.InnerException;
            Console.Error.WriteLine(e.Message.Split('\n')[0]);
            return 1;
        }
    }

    static void Version(string assembly)
    {
        foreach (AssemblyInformationalVersionAttribute version in
                 Assembly.Load(assembly).GetCustomAttributes(typeof(AssemblyInformationalVersionAttribute), false))
            Console.WriteLine(version.InformationalVersion);
    }

    static void Ask(string url, int port)
    {
        Assembly http = Assembly.Load("System.Net.Http");
        object handler = Activator.CreateInstance(http.GetType("System.Net.Http.HttpClientHandler", true));
        Set(handler, "AllowAutoRedirect", false);
        Set(handler, "UseProxy", port != 0);
        if (port != 0) Set(handler, "Proxy", new WebProxy("127.0.0.1", port));
        object client = Activator.CreateInstance(http.GetType("System.Net.Http.HttpClient", true), handler);
        ((Task)Call(client, "GetStringAsync", url)).GetAwaiter().GetResult();
    }

    static void Serve(string file)
    {
        Type application = Type.GetType("Microsoft.AspNetCore.Builder.WebApplication, Microsoft.AspNetCore", true);
        object app = application.GetMethod("Create", new[] { typeof(string[]) }).Invoke(null, new object[] { null });
        ((Task)Call(app, "StartAsync", CancellationToken.None)).GetAwaiter().GetResult();
        foreach (string url in (IEnumerable<string>)application.GetProperty("Urls").GetValue(app, null))
            File.WriteAllText(file + ".new", new Uri(url).Port.ToString());
        File.Move(file + ".new", file); // whole, or not there
        Thread.Sleep(TimeSpan.FromMinutes(1)); // and ends by itself should nobody be left to do it
    }

    static void Set(object on, string property, object value)
    {
        on.GetType().GetProperty(property).SetValue(on, value, null);
    }

    static object Call(object on, string method, object argument)
    {
        return on.GetType().GetMethod(method, new[] { argument.GetType() }).Invoke(on, new[] { argument });
    }
}
