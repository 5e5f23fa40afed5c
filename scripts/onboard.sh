#!/bin/sh
# Makes https://localhost trusted on a developer's machine, unattended: finds or
# builds devcert, runs its setup, and says what happened. Run again it changes
# nothing, and says so. It never asks anybody anything.
#
# usage: onboard.sh [--which] [ARGUMENT OF devcert setup…]
#   onboard.sh --config devcert.json      what the team's file asks for
#   onboard.sh --which                    prints which devcert it takes, and ends
#
# devcert is, in this order: the program that DEVCERT names; the one that a team
# hosts at DEVCERT_URL (https), whose bytes must have the SHA-256 DEVCERT_SHA256,
# kept as ~/.local/bin/devcert (root: /usr/local/bin); the one beside this script,
# on PATH, or where go install puts it; one that Go builds, when this script is in
# devcert's own source. Nothing is downloaded but from DEVCERT_URL.
#
# It exits with devcert's code, and itself only with 1. Needs sh and coreutils.
set -eu
# Not what somebody exported for another shell: a cd that prints, an odd split.
unset CDPATH
IFS=' 	
'
nl='
'
work=
scratch=

main() {
	exec </dev/null # nobody is asked, and a closed one is no other file's number
	trap 'rm -rf "$work" "$scratch"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	clean_path
	locate_script
	case " ${1-} $* " in
	*" --help "* | *" -h "*) usage ;;
	" --which "*)
		take_devcert
		say "$devcert"
		;;
	*)
		take_devcert
		set_up "$@"
		;;
	esac
}

say() { printf '%s\n' "$*" || :; }

fail() {
	printf 'onboard: %s\n' "$*" >&2 || :
	exit 1
}

usage() {
	say "usage: onboard.sh [--which] [ARGUMENT OF devcert setup...]"
	say "for instance: onboard.sh --config devcert.json"
	say "DEVCERT=PATH takes that program; DEVCERT_URL and DEVCERT_SHA256 fetch one."
}

# --- which devcert ----------------------------------------------------------

# clean_path takes from PATH what depends on the current folder: a team's checkout
# can have a devcert, or a curl, that nobody meant to run.
clean_path() {
	rest=${PATH-}: clean=
	while [ -n "$rest" ]; do
		entry=${rest%%:*} rest=${rest#*:}
		case $entry in
		/*) clean=${clean:+$clean:}$entry ;;
		esac
	done
	PATH=${clean:-/usr/local/bin:/usr/bin:/bin}
	export PATH
}

# locate_script sets self and here, empty where the script came through a pipe.
locate_script() {
	self=$0 here=
	case $self in
	*/*) ;;
	*.sh) self=./$self ;;
	*) self= ;;
	esac
	[ -f "$self" ] || self=
	[ -n "$self" ] || return 0
	while [ -L "$self" ]; do
		link=$(readlink "$self")
		case $link in
		/*) self=$link ;;
		*) self=$(dirname "$self")/$link ;;
		esac
	done
	here=$(cd "$(dirname "$self")" && pwd)
	self=$here/${self##*/}
}

# take_devcert sets devcert. Under sudo the user who called looks, builds and
# fetches: in the user's own folders, and what is written there stays the user's.
take_devcert() {
	if [ "${SUDO_UID:-0}" = 0 ] || [ -z "$self" ] || [ "$(id -u)" != 0 ]; then
		find_devcert
		return
	fi
	devcert=$(sudo -n -H -u "#$SUDO_UID" -- env "PATH=$PATH" "DEVCERT=${DEVCERT-}" \
		"DEVCERT_URL=${DEVCERT_URL-}" "DEVCERT_SHA256=${DEVCERT_SHA256-}" \
		/bin/sh "$self" --which) || exit 1
}

find_devcert() {
	if [ -n "${DEVCERT:-}" ]; then
		case $DEVCERT in
		/*) devcert=$DEVCERT ;;
		*) devcert=$(pwd)/${DEVCERT#./} ;;
		esac
		is_program "$devcert" || fail "DEVCERT=$DEVCERT names no program"
	elif [ -n "${DEVCERT_URL:-}${DEVCERT_SHA256:-}" ]; then
		fetch_devcert
	else
		installed || build
	fi
}

is_program() { [ -f "$1" ] && [ -x "$1" ]; }

# installed looks where programs are; each folder is one line.
installed() {
	folders=$here$nl$(printf %s "$PATH" | tr : '\n')$nl${GOBIN:-}$nl${GOPATH:+${GOPATH%%:*}/bin}
	if [ -n "${HOME:-}" ]; then
		folders=$folders$nl$HOME/go/bin$nl$HOME/.local/bin
	fi
	look "$folders" && return
	# What go env -w has set. In / nothing tells Go to fetch another Go first.
	if find_go && folders=$(cd / && GOTOOLCHAIN=local "$go" env GOBIN GOPATH 2>/dev/null); then
		look "${folders%%"$nl"*}$nl${folders#*"$nl"}/bin"
		return
	fi
	return 1
}

look() {
	rest=$1$nl
	while [ -n "$rest" ]; do
		folder=${rest%%"$nl"*} rest=${rest#*"$nl"}
		devcert=$folder/devcert
		case $folder in
		/*) ! is_program "$devcert" || return 0 ;;
		esac
	done
	return 1
}

# find_go knows where Go is installed: sudo and cron have a PATH of their own.
find_go() {
	go=$(command -v go) && return
	for go in /usr/local/go/bin/go /usr/lib/go/bin/go /opt/homebrew/bin/go /snap/bin/go; do
		! is_program "$go" || return 0
	done
	return 1
}

build() {
	top=${here%/*} first=
	if [ -n "$here" ] && [ -f "$top/go.mod" ]; then
		read -r first <"$top/go.mod" || :
	fi
	[ "$first" = "module devcert" ] ||
		fail "no devcert found: install it, or set DEVCERT, or DEVCERT_URL and DEVCERT_SHA256"
	devcert=$top/dist/devcert
	if is_program "$devcert" && newer=$(cd "$top" && find main.go go.mod go.sum devcert platform \
		-newer dist/devcert 2>/dev/null) && [ -z "$newer" ]; then
		return
	fi
	find_go || fail "no devcert found, and no Go to build $top: see https://go.dev/dl"
	printf 'onboard: building %s\n' "$devcert" >&2 || :
	(
		cd "$top"
		unset GOOS GOARCH # for this machine, whatever else is built here
		CGO_ENABLED=0 "$go" build -o dist/devcert . >&2
	) || fail "go build in $top failed"
}

# fetch_devcert takes the program that a team hosts. It can be executed only after
# its bytes were found to be the right ones.
fetch_devcert() {
	case ${DEVCERT_URL:-} in
	https://?*) ;;
	*) fail "DEVCERT_URL must be an https:// address" ;;
	esac
	sum=$(printf %s "${DEVCERT_SHA256:-}" | tr ABCDEF abcdef)
	case ${#sum}:$sum in
	*:*[!0-9a-f]*) sum='' ;;
	64:*) ;;
	*) sum='' ;;
	esac
	[ -n "$sum" ] || fail "DEVCERT_SHA256 must be the program's SHA-256, 64 hex digits"
	folder=${HOME:-}/.local/bin
	[ "$(id -u)" != 0 ] || folder=/usr/local/bin
	devcert=$folder/devcert
	if is_program "$devcert" && [ "$(sum_of "$devcert")" = "$sum" ]; then
		return
	fi
	[ ! -d "$devcert" ] || fail "$devcert is a folder"
	mkdir -p "$folder" || fail "cannot make $folder"
	scratch=$(mktemp "$folder/.devcert.XXXXXX") || fail "cannot write to $folder"
	fetch "$DEVCERT_URL" "$scratch" || fail "could not download DEVCERT_URL"
	found=$(sum_of "$scratch")
	[ "$found" = "$sum" ] || fail "what DEVCERT_URL gives has the SHA-256 $found: not kept"
	chmod 755 "$scratch"
	mv -f "$scratch" "$devcert"
	scratch=
}

# fetch stays with https through redirections; BusyBox's wget cannot be told so,
# there the sum alone decides.
fetch() {
	if command -v curl >/dev/null; then
		curl -fsSL --proto =https --proto-redir =https --connect-timeout 30 --max-time 900 -o "$2" -- "$1"
	elif command -v wget >/dev/null; then
		set -- "$1" "$2" -q
		! wget --version >/dev/null 2>&1 || set -- "$1" "$2" -nv --max-redirect=0 --timeout=30
		wget "$3" ${4+"$4" "$5"} -O "$2" "$1"
	else
		fail "curl or wget is needed for DEVCERT_URL"
	fi
}

# sum_of prints a file's SHA-256, by what Linux or macOS has.
sum_of() {
	if command -v sha256sum >/dev/null; then
		found=$(sha256sum <"$1")
	else
		found=$(shasum -a 256 <"$1")
	fi
	printf %s "${found%% *}"
}

# --- setup ------------------------------------------------------------------

set_up() {
	work=$(mktemp -d) || fail "cannot make a temporary folder"
	code=0
	run=$(quote "$devcert")
	flags=" --non-interactive --json"
	# In a group of its own, so that what the shell says of a program that does not
	# start is kept too.
	{ "$devcert" setup --non-interactive --json "$@" >"$work/out"; } 2>"$work/err" || code=$?
	read_document
	if [ "$schema" != 1 ] || [ "$exit" != "$code" ]; then
		IFS= read -r why <"$work/err" || :
		fail "no answer of $devcert that this script can read (it ended with $code)${why:+: $why}"
	fi
	cat "$work/err" >&2
	planned=''
	case " $* " in
	*" --dry-run "*) planned="would change:" ;;
	esac
	typed "$remedy"
	remedy=$text
	summary
	next
	exit "$code"
}

# read_document reads what setup --json printed, one key to a line as devcert
# writes it; what stands deeper than a list's objects is not asked for here.
read_document() {
	file='' granting='' schema='' exit='' error='' remedy='' list='' last=''
	changed='' unchanged='' trusted='' wrong='' warnings=''
	forget
	while IFS= read -r line; do
		last=$line
		case $line in
		'  "'*) top_level ;;
		'      "'*) field ;;
		'    "'*) team_file ;;
		'    }' | '    },')
			object
			forget
			;;
		esac
	done <"$work/out"
	[ "$last" = "}" ] || schema=
}

forget() { what='' where='' state='' wanted='' name='' kind='' severity='' message='' advice=''; }

# value sets key and value from a line.
value() {
	key=${line#*\"} value=${line#*\": }
	key=${key%%\"*} value=${value%,}
	case $value in
	\"*)
		value=${value#\"}
		unescape "${value%\"}"
		;;
	null) value= ;;
	esac
}

# unescape sets value to what a JSON string stands for. A character that would
# steer a terminal stays as it is written.
unescape() {
	rest=$1 value=
	while :; do
		case $rest in
		*\\*) value=$value${rest%%\\*} rest=${rest#*\\} ;;
		*) break ;;
		esac
		case $rest in
		u003c*) value="$value<" rest=${rest#?????} ;;
		u003e*) value="$value>" rest=${rest#?????} ;;
		u0026*) value="$value&" rest=${rest#?????} ;;
		n*) value=$value$nl rest=${rest#?} ;;
		\"*) value=$value\" rest=${rest#?} ;;
		\\*) value=$value\\ rest=${rest#?} ;;
		*) value=$value\\ ;;
		esac
	done
	value=$value$rest
}

top_level() {
	value
	list=$key
	case $key in
	schema) schema=$value ;;
	exit) exit=$value ;;
	error) error=$value ;;
	remedy) remedy=$value ;;
	esac
}

# typed sets text to what a person can type: with the path of this devcert, and
# without the flags that are for a script.
typed() {
	text=$1
	case $text in
	"devcert "*) text=$run${text#devcert} ;;
	*"  devcert "*) text="${text%%  devcert *}  $run ${text#*  devcert }" ;;
	esac
	case $text in
	*"$flags"*) text=${text%%"$flags"*}${text#*"$flags"} ;;
	esac
}

field() {
	case $list in
	stores | findings | steps) value ;;
	*) return 0 ;;
	esac
	case $key in
	what) what=$value ;;
	where) where=$value ;;
	changed) state=$value ;;
	state) state=$value ;;
	wanted) wanted=$value ;;
	name) name=$value ;;
	kind) kind=$value ;;
	severity) severity=$value ;;
	message) message=$value ;;
	remedy) advice=$value ;;
	esac
}

# team_file keeps what a devcert.json asks for that nobody named, and does not get.
team_file() {
	case $list$line in
	'config    "path": '*) value && file=$value ;;
	'config    "command": '*) value && granting=$value ;;
	esac
}

# object keeps of a list's object what the summary tells.
object() {
	case $list:$state in
	steps:true) changed="$changed  $what: $where$nl" ;;
	steps:false) unchanged="$unchanged  $what: $where$nl" ;;
	stores:trusted)
		case "$kind:$wanted:, $trusted," in
		trust:true:*", $name,"*) ;;
		trust:true:*) trusted=${trusted:+$trusted, }$name ;;
		esac
		;;
	findings:*)
		typed "$advice"
		text="  $kind: $message$nl${text:+    to cure it:  $text$nl}"
		case $severity in
		error) wrong=$wrong$text ;;
		*) warnings=$warnings$text ;;
		esac
		;;
	esac
}

# --- what it says -----------------------------------------------------------

summary() {
	case $code in
	0)
		head=unchanged
		[ -z "$changed" ] || head="set up"
		say "devcert: $head${trusted:+; https://localhost is trusted by: $trusted}"
		;;
	2) say "devcert: refused, and nothing was changed: $error" ;;
	3) say "devcert: ${planned:-not all is right}" ;;
	4) say "devcert: what is left needs administrator rights" ;;
	5) say "devcert: needs a person: $error" ;;
	6) say "devcert: done in part: $error" ;;
	*) say "devcert: failed: $error" ;;
	esac
	printf %s "$changed"
	case $code$planned in
	2 | 5) return ;; # what would have been done away with is no news
	3?*) printf %s "$unchanged" ;;
	*) [ -z "$wrong" ] || printf 'wrong:\n%s' "$wrong" ;;
	esac
	if [ -n "$granting" ]; then
		typed "$granting"
		say "$file asks for more, which counts only with:"
		say "  $text"
	fi
	[ -z "$warnings" ] || printf 'to know:\n%s' "$warnings"
}

# next says what to do about the code.
next() {
	case $code in
	0) ;;
	3) [ -n "$planned" ] || say "to see all of it:  $run status" ;;
	4) for_administrator ;;
	5)
		[ -z "$remedy" ] || say "$remedy"
		say "type it at a terminal where somebody can answer, then run this again"
		;;
	6)
		[ -z "$remedy" ] || say "$remedy"
		say "to try that part again:  $run repair"
		;;
	*) [ -z "$remedy" ] || say "$remedy" ;;
	esac
}

# for_administrator prints the line that does the rest: for a user who may use
# sudo, and for somebody else who may. sudo's own variables say for whom.
for_administrator() {
	say "run, if you may use sudo:"
	say "  $remedy"
	case $remedy in
	"sudo "*)
		say "or have an administrator run, for you:"
		say "  sudo env SUDO_USER=$(quote "$(id -un)") SUDO_UID=$(id -u) ${remedy#sudo }"
		;;
	esac
	say "then run this again: it says unchanged when nothing is left"
}

# quote prints one word of a shell's command line.
quote() {
	case $1 in
	*[!A-Za-z0-9_./,:=@+-]* | '')
		rest=$1 word=
		while :; do
			case $rest in
			*\'*) word="$word${rest%%\'*}'\\''" rest=${rest#*\'} ;;
			*) break ;;
			esac
		done
		printf "'%s'" "$word$rest"
		;;
	*) printf %s "$1" ;;
	esac
}

main "$@"
exit
