# Invoke-ScriptAnalyzer -Path scripts\onboard.ps1 -Settings .config\PSScriptAnalyzerSettings.psd1
@{
    Severity     = @('Error', 'Warning')
    ExcludeRules = @(
        # These scripts talk to a person; what others read is their exit code.
        'PSAvoidUsingWriteHost'
        # Functions of a script are called by it alone: nobody could say -WhatIf.
        'PSUseShouldProcessForStateChangingFunctions'
    )
}
