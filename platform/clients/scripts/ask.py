import sys
import urllib.request

url, proxy = sys.argv[1], sys.argv[2]
proxies = {} if proxy == "0" else {"https": "http://127.0.0.1:" + proxy}
try:
    urllib.request.build_opener(urllib.request.ProxyHandler(proxies)).open(url).read()
except Exception as err:
    sys.exit("%s: %s" % (type(err).__name__, err))
