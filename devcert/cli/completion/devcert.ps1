# Completion of devcert's words for PowerShell. It asks devcert itself, and runs
# nothing of what is typed.
#
#   devcert completion powershell | Out-String | Invoke-Expression     in $PROFILE

Register-ArgumentCompleter -Native -CommandName devcert, devcert.exe -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $devcert = Get-Command devcert -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
    if (-not $devcert) { return }

    # A dot stands before each word: Windows PowerShell passes no empty ones, and
    # none of them is then taken for a flag of this command.
    $words = @()
    $current = ''
    foreach ($element in ($commandAst.CommandElements | Select-Object -Skip 1)) {
        if ($element.Extent.StartOffset -ge $cursorPosition) { break }
        $text = $element.Extent.Text
        if ($element -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $text = $element.Value }
        if ($element.Extent.EndOffset -lt $cursorPosition) { $words += '.' + $text } else { $current = $text }
    }

    # Behind a comma PowerShell completes only what follows it.
    $kept = [Math]::Max(0, $current.Length - $wordToComplete.Length)
    & $devcert completion --answer powershell $words ('.' + $current) 2>$null |
        Select-Object -Skip 1 |
        ForEach-Object {
            $value, $about = $_ -split "`t", 2
            if (-not $about) { $about = $value }
            [System.Management.Automation.CompletionResult]::new($value.Substring($kept), $value, 'ParameterValue', $about)
        }
}
