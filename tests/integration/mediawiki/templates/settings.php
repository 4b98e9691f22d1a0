<?php
// The test wiki's settings, read after LocalSettings.php.
if ( !defined( 'MEDIAWIKI' ) ) {
	exit;
}
$testLive = json_decode( (string)@file_get_contents( '@DIR@/live.json' ), true ) ?: [];

$wgServer = 'http://127.0.0.1:@PORT@';
// Answer under the name that was asked for: a counting proxy may stand in front.
if ( PHP_SAPI !== 'cli' && preg_match( '/^[\w.:\[\]-]+$/', $_SERVER['HTTP_HOST'] ?? '' ) ) {
	$wgServer = 'http://' . $_SERVER['HTTP_HOST'];
}
$wgCanonicalServer = $wgServer;
$wgScriptPath = '/w';
$wgArticlePath = '/wiki/$1';
$wgUsePathInfo = true;

$wgCacheDirectory = '@DIR@/cache';
$wgTmpDirectory = '@DIR@/tmp';
$wgUploadDirectory = '@DIR@/images';
$wgUploadPath = '/w/images';
$wgMainCacheType = PHP_SAPI === 'cli' ? CACHE_NONE : CACHE_ACCEL;
$wgSessionCacheType = CACHE_DB;
$wgJobRunRate = 0;

// Throw-away data: never wait for the disk; a writer takes its lock at once, so that two
// writers queue up and neither finds that it has to begin again.
$wgDBservers = [ [
	'type' => 'sqlite', 'load' => 1, 'dbname' => $wgDBname, 'dbDirectory' => $wgSQLiteDataDir,
	'host' => '', 'user' => '', 'password' => '', 'flags' => DBO_DEFAULT,
	'variables' => [ 'synchronous' => 'OFF' ],
	'trxMode' => ( $_SERVER['REQUEST_METHOD'] ?? '' ) === 'POST' ? 'IMMEDIATE' : 'DEFERRED',
] ];

$wgEnableUploads = true;
$wgMaxUploadSize = 1000 * 1024 * 1024;
$wgMinUploadChunkSize = 1024;
$wgStrictFileExtensions = false;
$wgCheckFileExtensions = false;
$wgProhibitedFileExtensions = [];
$wgVerifyMimeType = false;
$wgUploadSizeWarning = false;
$wgFileExtensions = [ 'png', 'gif', 'jpg', 'jpeg', 'svg', 'pdf', 'txt', 'csv', 'json', 'bin' ];
$wgUseImageMagick = false;

$wgEnableBotPasswords = true;
$wgEnableEmail = false;
$wgUseRCPatrol = true;
$wgPasswordAttemptThrottle = [ [ 'count' => 2000, 'seconds' => 300 ] ];
$wgGroupPermissions['sysop']['upload_by_url'] = true;
// As on Wikimedia's wikis; core itself lets a bot make 90 edits a minute.
$wgGroupPermissions['bot']['noratelimit'] = empty( $testLive['limitBots'] );
$wgRateLimits = array_replace_recursive( $wgRateLimits, $testLive['rateLimits'] ?? [] );
if ( !empty( $testLive['limitBots'] ) ) {
	$wgRevokePermissions['sysop']['noratelimit'] = true;
}
if ( !empty( $testLive['readOnly'] ) ) {
	$wgReadOnly = (string)$testLive['readOnly'];
}
if ( !empty( $testLive['private'] ) ) {
	$wgGroupPermissions['*']['read'] = false;
}
foreach ( $testLive['extensions'] ?? [] as $testName ) {
	wfLoadExtension( $testName );
}
if ( isset( $testLive['lag'] ) ) {
	$wgHooks['ApiMaxLagInfo'][] = static function ( array &$info ) use ( $testLive ) {
		$info = [ 'host' => 'replica', 'lag' => $testLive['lag'], 'type' => 'db' ];
	};
}
if ( isset( $testLive['delayMs'] ) && PHP_SAPI !== 'cli' ) {
	usleep( 1000 * (int)$testLive['delayMs'] );
}

// The wiki asks nobody outside this machine for anything.
$wgPingback = false;
$wgUseInstantCommons = false;
$wgHTTPTimeout = 2;
$wgShowExceptionDetails = true;

foreach ( $testLive['globals'] ?? [] as $testName => $testValue ) {
	$GLOBALS[$testName] = $testValue;
}
