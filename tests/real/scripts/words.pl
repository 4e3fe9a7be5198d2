# SPDX-License-Identifier: Apache-2.0
# Reads text files, counts and sorts with hashes and regular expressions, writes and reads back; prints sums.
use strict; use warnings;
my ($folder, $turns) = @ARGV;
my %total;
for my $turn (1 .. $turns) {
    my %count;
    opendir(my $dir, $folder) or die $!;
    for my $name (sort grep { !/^\./ } readdir $dir) {
        open(my $in, '<', "$folder/$name") or die $!;
        while (<$in>) { $count{$1}++ while /([a-z]+)/g; s/([aeiou])/uc $1/ge; }
        close $in;
    }
    closedir $dir;
    $total{$_} += $count{$_} for keys %count;
    open(my $out, '>', "counts.$turn") or die $!;
    printf $out "%s %d\n", $_, $count{$_} for sort keys %count;
    close $out;
    my $bytes = -s "counts.$turn";
    my $sum = 0;
    $sum = ($sum * 31 + $_) % 1000003 for map { $count{$_} } sort keys %count;
    print "$turn ", scalar(keys %count), " $bytes $sum\n";
}
my @top = (sort { $total{$b} <=> $total{$a} || $a cmp $b } keys %total)[0 .. 4];
print join(' ', map { "$_=$total{$_}" } @top), "\n";
