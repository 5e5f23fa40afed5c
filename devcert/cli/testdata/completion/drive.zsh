# Types lines into an interactive zsh, on a terminal of its own, each ended by a
# tab, and prints what the line is then. The first argument is what that zsh runs
# at its start.
zmodload zsh/zpty
zpty -b shell zsh -f -i
zpty -w shell "PS1= RPS1= PROMPT_EOL_MARK= LISTMAX=10000
unsetopt beep zle_bracketed_paste 2>/dev/null; unset zle_bracketed_paste
show() { print -r -- \"<<\$BUFFER>>\"; BUFFER=; }
zle -N show; bindkey '^Xq' show
$1
print -r REA''DY"
zpty -r -m shell seen '*READY*'
for typed in "${@:2}"; do
	zpty -w -n shell "$typed"$'\t\C-Xq'
	zpty -r -m shell seen '*<<*>>*'
	print -r -- "${${seen##*<<}%%>>*}"
done
zpty -d shell
