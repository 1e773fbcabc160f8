<?php
// Runs one of Itgrix's customization scripts: `php runner.php SCRIPT`, JSON in, JSON out.
// The script is included at the top level, so that its functions find its variables by `global`. It is given $params and
// $result; its answer is what it returns, and is told in the last line: whatever it prints stands before that.
// For PHP 5.4 and later.

final class RingbridgeRunner
{
    private static $told = false;

    static function input()
    {
        register_shutdown_function(array(__CLASS__, 'ended'));
        $input = json_decode(stream_get_contents(STDIN), true);
        ob_start();
        return $input;
    }

    static function tell($answer)
    {
        if (!is_array($answer) && !is_object($answer)) {
            self::fail('the script returned ' . gettype($answer) . ' and no array');
        }
        $json = json_encode($answer, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
        if (json_last_error() === JSON_ERROR_UTF8) {
            self::fail('the script returned a text that is not UTF-8: save it as UTF-8, and cut texts with mb_substr');
        }
        if ($json === false) {
            self::fail('the script returned what is no JSON: ' . json_last_error_msg());
        }
        self::printed();
        echo "\n", $json;
        self::$told = true;
        ob_start(array(__CLASS__, 'nothing'));  // for what is printed while the script's objects end
    }

    static function failed($error)
    {
        $place = basename($error->getFile()) . ', line ' . $error->getLine();
        self::fail($place . ': ' . get_class($error) . ': ' . $error->getMessage());
    }

    static function ended()
    {
        if (!self::$told) {
            $printed = trim(self::printed());
            self::fail('the script ended without returning an answer' . ($printed === '' ? '' : ": $printed"));
        }
    }

    static function nothing()
    {
        return '';
    }

    private static function fail($words)
    {
        self::$told = true;
        self::printed();
        fwrite(STDERR, "$words\n");
        exit(1);
    }

    private static function printed()
    {
        for ($printed = ''; ob_get_level() > 0; $printed = ob_get_clean() . $printed);
        return $printed;
    }
}

$params = RingbridgeRunner::input();
$result = isset($params['result']) ? $params['result'] : true;
if (isset($params['params']) && is_array($params['params'])) {
    $params = $params['params'] + $params;  // values of the parameters go before those of the same name around them
}
try {
    RingbridgeRunner::tell(include $argv[1]);
} catch (Throwable $error) {
    RingbridgeRunner::failed($error);
} catch (Exception $error) {  // of PHP 5
    RingbridgeRunner::failed($error);
}
