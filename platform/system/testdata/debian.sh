#!/bin/sh -e
# Stands in for Debian's update-ca-certificates on a scratch root. It keeps what
# devcert depends on: links by name, rehashing and hooks only for what it counts
# as added or removed. Unlike the real one it refuses every other argument.
root=@ROOT@
conf=$root/etc/ca-certificates.conf
if [ $# -gt 0 ]; then
	if [ $# != 2 ] || [ "$1" != --certsconf ]; then
		echo "unexpected arguments: $*" >&2
		exit 64
	fi
	conf=$2
fi
echo run >>"$root/runs"
if [ -e "$root/fail" ]; then
	echo "E: something in the tool is broken" >&2
	exit 1
fi
certs=$root/etc/ssl/certs
changes=$(mktemp)
trap 'rm -f "$changes"' 0
cd "$certs"
add() {
	pem=$certs/$(basename "$1" .crt | sed -e 's/ /_/g' -e 's/[()]/=/g' -e 's/,/_/g').pem
	if ! test -e "$pem" || [ "$(readlink "$pem")" != "$1" ]; then
		ln -sf "$1" "$pem"
		echo "+$pem" >>"$changes"
	fi
	cat "$1" >>new
}
sed -n -e '/^$/d' -e 's/^!//p' "$conf" | while read -r crt; do
	pem=$certs/$(basename "$crt" .crt).pem
	if test -L "$pem"; then
		rm -f "$pem"
		echo "-$pem" >>"$changes"
	fi
done
sed -e '/^$/d' -e '/^[#!]/d' "$conf" | while read -r crt; do
	add "$root/usr/share/ca-certificates/$crt"
done
find -L "$root/usr/local/share/ca-certificates" -type f -name '*.crt' | sort | while read -r crt; do
	add "$crt"
done
if [ -s "$changes" ]; then
	find . -type l ! -exec test -e {} \; -exec rm {} \;
	openssl rehash . >/dev/null
fi
chmod 0644 new
mv -f new ca-certificates.crt
for hook in "$root"/etc/ca-certificates/update.d/*; do
	if [ -x "$hook" ]; then "$hook" <"$changes"; fi
done
