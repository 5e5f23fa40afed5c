# Completion of devcert's words for bash. It asks devcert itself, and runs nothing
# of what is typed. It needs no other completion package.
#
#   source <(devcert completion bash)

_devcert() {
	local line paths=''
	COMPREPLY=()
	type -P devcert >/dev/null || return 0
	while IFS= read -r line; do
		if [[ -z $paths ]]; then
			paths=$line
		else
			COMPREPLY+=("$line")
		fi
	done < <(command devcert completion --answer bash -- "${COMP_LINE:0:COMP_POINT}" "${2-}" 2>/dev/null </dev/null)
	if [[ ( $paths == files || $paths == folders ) && ${2-} == --*=* ]]; then # = breaks no word
		[[ $paths == files ]] && line='file' || line='directory'
		while IFS= read -r line; do
			[[ -d $line ]] && line+=/ && compopt -o nospace
			COMPREPLY+=("$(printf '%s=%q' "${2%%=*}" "$line")")
		done < <(compgen -A "$line" -- "${2#*=}")
	fi
	case $paths in
	files) compopt -o default 2>/dev/null ;; # when nothing else fits
	folders) compopt -o filenames -o dirnames 2>/dev/null ;;
	esac
	return 0
}

if [[ ${BASH_VERSINFO[0]} -ge 4 ]]; then
	complete -F _devcert devcert
else # macOS', which has no compopt
	complete -o default -F _devcert devcert
fi
