# SPDX-License-Identifier: Apache-2.0
# Children that are forked and waited for, pipes to commands, two-way talk over sockets, alarms that end a wait, sort with a sub.
use strict; use warnings;
use IO::Socket::UNIX; use IO::Handle; use Socket; use POSIX qw(:sys_wait_h); use Time::HiRes qw(ualarm sleep);
$| = 1;
my $folder = shift;
for my $turn (1 .. 4) {
    my %made;
    for my $n (1 .. 5) {
        my $pid = fork() // die $!;
        if (!$pid) { my $sum = 0; $sum = ($sum * 31 + $_ * $n) % 1000003 for 1 .. 60000; exit $sum % 200; }
        $made{$pid} = $n;
    }
    my @ends;
    while ((my $pid = wait()) > 0) { $ends[$made{$pid}] = $? >> 8; }
    print "turn $turn: @ends[1 .. 5]\n";
    open(my $sorted, '-|', 'sort', '-r', "$folder/$turn.txt") or die $!;
    my $first = <$sorted>; my $count = 1; $count++ while <$sorted>;
    close $sorted or die; print "$count ", substr($first, 0, 20), "\n";
    open(my $to, '|-', "tr a-z A-Z > upper.$turn") or die $!;
    print $to "line $_ of $turn\n" for 1 .. 500;
    close $to or die; print -s "upper.$turn", "\n";
    print `wc -l < $folder/0.txt`;
}
socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, 0) or die $!;
$_->autoflush(1) for $ours, $theirs;
my $echo = fork() // die $!;
if (!$echo) { close $ours; while (<$theirs>) { print $theirs scalar reverse $_ =~ s/\n//r; print $theirs "\n"; } exit 0; }
close $theirs;
my $all = '';
for (1 .. 200) { print $ours "question $_\n"; $all .= <$ours>; }
close $ours; waitpid $echo, 0;
print length($all), " ", unpack('%32C*', $all), " $?\n";
my $rang = 0;
for (1 .. 5) { eval { local $SIG{ALRM} = sub { die "alarm\n" }; ualarm 30000; select undef, undef, undef, 60; }; $rang++ if $@ eq "alarm\n"; }
print "rang $rang\n";
local $SIG{CHLD} = sub { };
my $killed = fork() // die $!;
if (!$killed) { sleep 60; exit 0; }
kill 'TERM', $killed; waitpid $killed, 0;
print "signal ", $? & 127, "\n";
print system('sh', '-c', 'exit 3') >> 8, "\n";
