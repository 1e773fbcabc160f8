<?php
// Runs one of Itgrix's customization scripts: `php runner.php SCRIPT`, JSON in, JSON out.
// The script is included in a function's scope that holds $params and $result, and returns its answer. What it prints
// is not part of the answer.

function ringbridge_include($__script, $params, $result)
{
    return include $__script;
}

$input = json_decode(stream_get_contents(STDIN), true);
$inner = isset($input['params']) && is_array($input['params']) ? $input['params'] : [];

ob_start();
$answered = false;
register_shutdown_function(function () use (&$answered) {
    if (!$answered) {
        while (ob_get_level() > 0) {
            ob_end_clean();
        }
        fwrite(STDERR, "the script ended without returning an answer\n");
        exit(1);
    }
});
// Values of the parameters go before those of the same name around them.
$answer = ringbridge_include($argv[1], $inner + $input, isset($input['result']) ? $input['result'] : true);
$answered = true;
while (ob_get_level() > 0) {
    ob_end_clean();
}
if (!is_array($answer)) {
    fwrite(STDERR, 'the script returned ' . gettype($answer) . " and no array\n");
    exit(1);
}
echo json_encode($answer, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PARTIAL_OUTPUT_ON_ERROR);
