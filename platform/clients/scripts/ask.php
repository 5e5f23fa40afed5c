<?php
set_error_handler(function ($level, $message) {
    static $first = true; // what comes after it only says that it failed
    if ($first) {
        fwrite(STDERR, str_replace("\n", ' ', $message) . "\n");
    }
    $first = false;
    return true;
});
$http = $argv[2] === '0' ? [] : ['proxy' => "tcp://127.0.0.1:$argv[2]"];
exit(file_get_contents($argv[1], false, stream_context_create(['http' => $http])) === false ? 1 : 0);
