// What the code of an ASP.NET Core application can set for Kestrel and no file of
// settings can, brought into one that does not set it: the runtime loads this as a
// startup hook, and ASP.NET Core as a hosting startup.
using System;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;

[assembly: HostingStartup(typeof(Code))]

public class Code : IHostingStartup
{
    public void Configure(IWebHostBuilder builder)
    {
        builder.ConfigureServices(services => services.Configure<KestrelServerOptions>(options => options.ConfigureHttpsDefaults(https =>
        {
            https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
            https.CheckCertificateRevocation = Environment.GetEnvironmentVariable("CheckCertificateRevocation") == "true";
            if (Environment.GetEnvironmentVariable("ClientCertificateValidation") == "AllowAny") https.AllowAnyClientCertificate();
        })));
    }
}

internal class StartupHook { public static void Initialize() { } }
