# Completion of devcert's words for fish. It asks devcert itself, and runs nothing
# of what is typed.
#
#   devcert completion fish > ~/.config/fish/completions/devcert.fish

function __devcert_answer
    command -q devcert; or return
    set -l words (commandline -opc)
    set -l current (commandline -ct | string replace -r '^["\']' '')
    set -l lines (command devcert completion --answer fish -- $words[2..-1] "$current" 2>/dev/null </dev/null)
    set -q lines[2]; and printf '%s\n' $lines[2..-1]
    set -q lines[1]; or return
    set -l flag (string match -r '^--[^=]*=' -- "$current")
    set -l value (string replace -r '^--[^=]*=' '' -- "$current")
    set -l paths
    switch $lines[1]
        case files
            set paths (__fish_complete_path "$value")
        case folders
            set paths (__fish_complete_directories "$value")
    end
    for path in $paths
        echo -- "$flag$path"
    end
end

complete -c devcert -f -a '(__devcert_answer)'
