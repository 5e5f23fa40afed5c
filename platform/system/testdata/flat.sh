#!/bin/sh -e
# Stands in for the tools that make a bundle of all files in one folder. It
# takes exactly the arguments it was made for.
root=@ROOT@
if [ "$*" != "@ARGS@" ]; then
	echo "unexpected arguments: $*" >&2
	exit 64
fi
echo run >>"$root/runs"
if [ -e "$root/fail" ]; then
	echo "E: something in the tool is broken" >&2
	exit 1
fi
cat "$root/base.pem" >"$root/new"
for file in "@ANCHORS@"/*; do
	if [ -f "$file" ]; then cat "$file" >>"$root/new"; fi
done
chmod 0644 "$root/new"
mv -f "$root/new" "@BUNDLE@"
