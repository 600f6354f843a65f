#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The rules of the house that a machine can check, one test each: layers, fences, banned calls, form. Each rule is a row:
# a title, which files it is about, what it forbids, and a sample that must break it, so that no rule is there in vain.
use strict;
use warnings;
use Test::More;

my @sources = grep { -f } glob '{common,proto,c2s,sm}/*.{c,h,def} t/*/*.{c,h}';

sub lines_of {
	my $path = shift;
	open my $in, '<', $path or die "$path: $!";
	my @lines = <$in>;
	chomp @lines;
	return \@lines;
}

# The same lines with comments and the insides of strings blanked, so that words about code are not code.
sub code_of {
	my $text = join "\n", @{ $_[0] };
	$text =~ s{^(\s*#\s*include\s*)"([^"\n]*)"}{$1<<$2>>}mg;
	$text =~ s{("(?:[^"\\\n]|\\.)*")|('(?:[^'\\\n]|\\.)*')|(/\*.*?\*/)|(//[^\n]*)}{
		defined $1 ? '"' . 'x' x (length($1) - 2) . '"' : defined $2 ? "''" : "\n" x (($3 // '') =~ tr/\n//)
	}gse;
	return [split /\n/, $text =~ s{<<([^>\n]*)>>}{"$1"}gr, -1];
}

# Includes, by layer: what may be named in quotes.
my %layer = (
	'common/' => qr{^common/},
	'proto/' => qr{^(common|proto)/},
	'c2s/' => qr{^(common|proto|c2s)/},
	'sm/mod_' => qr{^(common/|sm/module\.h$)},
	'sm/' => qr{^(common|proto|sm)/},
);

sub breaks_layer {
	my ($folder) = @_;
	return sub {
		my ($path, undef, $code) = @_;
		return () unless index($path, $folder) == 0;
		return () if $folder eq 'sm/' && $path =~ m{^sm/mod_}; # has a row of its own
		return grep { /^\s*#\s*include\s*"([^"]*)"/ && $1 !~ $layer{$folder} } @$code;
	};
}

# A library has one fence: only these files include its headers.
sub breaks_fence {
	my ($header, $inside) = @_;
	return sub {
		my ($path, undef, $code) = @_;
		return () if $path =~ m{^t/} || $path =~ $inside;
		return grep { /^\s*#\s*include\s*[<"]$header/ } @$code;
	};
}

sub calls {
	my ($names) = @_;
	return sub {
		my (undef, undef, $code) = @_;
		return grep { /(?<![\w.])(?:$names)\s*\(/ } @$code;
	};
}

# Columns, with tabs of eight.
sub width {
	my $columns = 0;
	return length $_[0] if $_[0] !~ /\t/;
	$columns = $_ eq "\t" ? $columns - $columns % 8 + 8 : $columns + 1 for split //, shift;
	return $columns;
}

my $server = qr{^(common|proto|c2s|sm)/};

sub calls_of_server {
	my $check = calls(shift);
	return sub { $_[0] =~ $server ? $check->(@_) : () };
}

my @rules = (
	['common includes nothing but common', breaks_layer('common/'), 'common/a.c', '#include "proto/types.h"'],
	['proto includes nothing but common and proto', breaks_layer('proto/'), 'proto/a.c', '#include "sm/db.h"'],
	['c2s never includes sm', breaks_layer('c2s/'), 'c2s/a.c', '#include "sm/db.h"'],
	['sm never includes c2s', breaks_layer('sm/'), 'sm/a.h', '#include "c2s/tls.h"'],
	['a module of sm includes module.h and common only', breaks_layer('sm/mod_'), 'sm/mod_a.c', '#include "sm/db.h"'],

	['mxml is used in common/xml.c alone', breaks_fence('mxml\.h', qr{^common/xml\.c$}), 'sm/a.c', '#include <mxml.h>'],
	['wolfCrypt is used in common/crypt.c, and by the TLS layer, alone',
		breaks_fence('wolfssl/wolfcrypt/', qr{^(common/crypt|c2s/tls\w*)\.c$}), 'sm/scram.c',
		'#include <wolfssl/wolfcrypt/sha.h>'],
	['wolfSSL is used in c2s/tls*.c alone', breaks_fence('wolfssl/ssl\.h', qr{^c2s/tls\w*\.c$}), 'c2s/conn.c',
		'#include <wolfssl/ssl.h>'],
	['zlib is used in c2s/zip.c alone', breaks_fence('zlib\.h', qr{^c2s/zip\.c$}), 'c2s/pipe.c', '#include <zlib.h>'],
	['SQLite is used in sm/db* alone', breaks_fence('sqlite3\.h', qr{^sm/db\w*\.[ch]$}), 'sm/store_a.c',
		'#include <sqlite3.h>'],
	['libconfuse is used in common/conf*.c alone', breaks_fence('confuse\.h', qr{^common/conf\w*\.c$}), 'sm/cli.c',
		'#include <confuse.h>'],
	['uthash is used in common/table.c alone', breaks_fence('ut(hash|list|array|string)\.h', qr{^common/table\.c$}),
		'sm/session.c', '#include <uthash.h>'],
	['libseccomp is used in c2s/confine.c alone', breaks_fence('seccomp\.h', qr{^c2s/confine\.c$}), 'c2s/worker.c',
		'#include <seccomp.h>'],
	['the libraries for names are used in common/prep*.c alone',
		breaks_fence('(uni(case|ctype|norm|str|name|conv|types|width|gbrk|lbrk|wbrk)|stringprep|idna|idn2|idn-free|punycode|pr29|tld)\.h', qr{^common/prep\w*\.c$}), 'common/jid.c',
		'#include <idn2.h>'],

	['no string function without a bound', calls('strcpy|strcat|sprintf|vsprintf|gets|strtok|stpcpy'), 'sm/a.c',
		"\tstrcpy(a, b);"],
	['no shell is started', calls('system|popen'), 'sm/a.c', "\tif (system(line))"],
	['randomness is getrandom only', calls('rand|srand|random|srandom|drand48|lrand48|rand_r|wc_InitRng'), 'sm/a.c',
		"\tx = rand();"],
	['the stack does not grow by a variable', calls('alloca'), 'sm/a.c', "\tp = alloca(n);"],
	['numbers are not read with functions that cannot fail', calls_of_server('atoi|atol|atoll|atof'), 'sm/a.c', "\tn = atoi(s);"],
	['no function with hidden static state', calls('localtime|gmtime|ctime|asctime|inet_ntoa|'
		. 'readdir_r|tmpnam|mktemp'), 'sm/a.c', "\tt = gmtime(&now);"],
	['memory comes from common/base.h and common/arena.h', sub {
		my ($path, undef, $code) = @_;
		return () if $path !~ $server || $path =~ m{^common/(base|arena)\.c$};
		return grep { /(?<![\w.])(malloc|calloc|realloc|strdup|strndup|asprintf)\s*\(/ } @$code;
	}, 'sm/a.c', "\tp = malloc(n);"],

	['every file opens with its licence', sub {
		my ($path, $lines) = @_;
		return () if $path =~ /\.def$/;
		return ($lines->[0] // '') =~ m{^/\* SPDX-License-Identifier: GPL-2\.0-or-later$} ? () : ('line 1');
	}, 'sm/a.c', '#include <stdio.h>'],
	['a file that is included guards itself', sub {
		my ($path, $lines) = @_;
		return () unless $path =~ /\.h$/;
		my $guard = uc($path) =~ s{[^A-Z0-9]}{_}gr;
		return grep({ /^#ifndef $guard$/ } @$lines) ? () : ("no #ifndef $guard");
	}, 'sm/a.h', '#define A'],
	# As .clang-format has it, and t/.clang-format. A string is as long as it must be.
	['a line is at most 100 columns wide, a line of a test 120', sub {
		my ($path, $lines) = @_;
		my $most = $path =~ $server ? 100 : 120;
		return $path =~ /\.[ch]$/ ? grep { width($_) > $most && !/"(?:[^"\\]|\\.){30,}/ } @$lines : ();
	}, 'sm/a.h', "/*\n\t" . 'x' x 93],
	['rows of tables are at most 120 columns wide, or hold prose, or are the login table', sub {
		my ($path, undef, $code) = @_;
		return () unless $path =~ /\.def$/;
		return grep { width(s/\s+$//r) > 120 && !/"[^"]{20,}"|^(STATE|EDGE)\(/ } @$code;
	}, 'sm/a.def', 'x' x 121],
	['indentation is tabs', sub { grep { /^ {2,}[^ *]/ } @{ $_[1] } }, 'sm/a.c', '    return 0;'],
	['no line ends in a blank', sub { grep { /[ \t]$/ } @{ $_[1] } }, 'sm/a.c', "\treturn 0; "],
	['a file has fewer than 500 lines, a test fewer than 800', sub {
		my ($path, $lines) = @_;
		return @$lines < ($path =~ $server ? 500 : 800) ? () : (scalar(@$lines) . ' lines');
	}, 'sm/a.c', join("\n", ('x') x 500)],
	['no place of one machine is named', sub {
		my ($path, $lines) = @_;
		return () if $path =~ m{^t/};
		return grep { m{["'\s=(](/(work|home|root|tmp)/)} } @$lines;
	}, 'sm/a.c', 'open("/tmp/x")'],
	['structs are not hidden behind typedef', sub {
		my ($path, undef, $code) = @_;
		return grep { /^\s*typedef\s+(struct|union|enum)\b/ } @$code;
	}, 'sm/a.h', 'typedef struct a a;'],
);

my %file = map { my $lines = lines_of($_); $_ => [$lines, code_of($lines)] } @sources;
plan tests => @rules + 1;
for my $rule (@rules) {
	my ($title, $check, $sample_path, $sample) = @$rule;
	my @broken = map {
		my $path = $_;
		map { "$path: " . s/^\s+//r } $check->($path, @{ $file{$path} })
	} @sources;
	my $extra = @broken > 12 ? ['... ' . (@broken - 12) . ' more'] : [];
	ok(!@broken, $title) or diag join "\n", splice(@broken, 0, 12), @$extra;
}
my @blind = grep {
	my (undef, $check, $path, $sample) = @$_;
	my $lines = [split /\n/, $sample];
	!$check->($path, $lines, code_of($lines));
} @rules;
ok(!@blind, 'every rule of this file finds the sample that breaks it') or diag map { "$_->[0]\n" } @blind;
