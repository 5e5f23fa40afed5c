# Reads lines of number, host and port, opens a TLS connection to each with the roots
# of the file named, and prints the number and what Python makes of the certificate.
import socket
import ssl
import sys

context = ssl.create_default_context(cafile=sys.argv[1])
for line in sys.stdin.read().splitlines():
    number, host, port = line.split("\t")
    with socket.create_connection(("127.0.0.1", int(port))) as plain:
        try:
            context.wrap_socket(plain, server_hostname=host).close()
            print(number, "accepted", "", sep="\t")
        except ssl.SSLError as e:
            print(number, "refused", str(e).replace("\n", " "), sep="\t")
        except OSError as e:
            print(number, "broken", e, sep="\t")
