use strict;
use warnings;
use HTTP::Tiny;

my ($url, $proxy) = @ARGV;
my %proxy = $proxy ? (https_proxy => "http://127.0.0.1:$proxy") : ();
my $answer = HTTP::Tiny->new(verify_SSL => 1, %proxy)->get($url);
exit 0 if $answer->{success};
my $reason = $answer->{status} == 599 ? $answer->{content} : "$answer->{status} $answer->{reason}";
$reason =~ s/\s+/ /g;
print STDERR "$reason\n";
exit 1;
