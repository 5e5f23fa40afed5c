import sys
import requests

url, proxy = sys.argv[1], sys.argv[2]
proxies = None if proxy == "0" else {"https": "http://127.0.0.1:" + proxy}
try:
    requests.get(url, proxies=proxies).raise_for_status()
except Exception as err:
    sys.exit("%s: %s" % (type(err).__name__, err))
