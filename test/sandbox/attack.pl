# SPDX-License-Identifier: Apache-2.0
# A program that has taken over QEMU: it tries to reach the host, and prints one line for each attempt.
# Arguments: process of the lab, its home, a folder of the lab, another run's folder, port of a server, own folder
use strict;
use Socket;
my ($lab, $home, $labs, $other, $port, $own) = @ARGV;
$| = 1;

sub attempt {
    my ($name, $work) = @_;
    my $good = eval { $work->() };
    print $good ? "DONE $name\n" : "DENIED $name\n";
}
# In a child of its own, as it may not survive.
sub apart {
    my ($work) = @_;
    my $pid = fork();
    return 0 unless defined $pid;
    if (!$pid) { exit((eval { $work->() }) ? 0 : 1) }
    waitpid($pid, 0);
    return $? == 0;
}
sub readable { my ($path) = @_; open(my $f, '<', $path) or return 0; return defined <$f> }
sub writable {
    my ($path) = @_;
    open(my $f, '>', $path) or return 0;
    print $f 'x';
    close $f or return 0;
    unlink $path;
    return 1;
}

attempt('own file', sub { writable("$own/file") });
attempt('read shadow', sub { readable('/etc/shadow') });
attempt('read home', sub { readable("$home/secret") });
attempt('read other run', sub { readable("$other/secret") });
attempt('write outside', sub { writable("$labs/file") });
attempt('write system', sub { writable('/usr/bin/lab-was-here') });
# setuid(0) of root that lost its rights changes nothing: what counts is another user, here daemon.
attempt('change the user', sub { apart(sub { syscall(105, $> == 0 ? 1 : 0) == 0 }) });
attempt('keep a capability', sub { apart(sub { syscall(161, '/') == 0 }) });
attempt('gain privileges', sub { syscall(157, 39, 0, 0, 0, 0) == 0 });
attempt('new namespace', sub { apart(sub { syscall(272, 0x10000000) == 0 }) });
attempt('connect', sub {
    socket(my $s, PF_INET, SOCK_STREAM, 0) or return 0;
    connect($s, sockaddr_in($port, inet_aton('127.0.0.1')));
});
attempt('connect by sending', sub {
    socket(my $s, PF_INET, SOCK_STREAM, 0) or return 0;
    defined send($s, 'x', 0x20000000, sockaddr_in($port, inet_aton('127.0.0.1')));
});
attempt('datagram', sub {
    socket(my $s, PF_INET, SOCK_DGRAM, 0) or return 0;
    defined send($s, 'x', 0, sockaddr_in(9, inet_aton('127.0.0.1')));
});
attempt('raw socket', sub { socket(my $s, PF_INET, SOCK_RAW, 1) });
attempt('listen', sub {
    socket(my $s, PF_INET, SOCK_STREAM, 0) or return 0;
    bind($s, sockaddr_in(0, INADDR_LOOPBACK)) && listen($s, 1);
});
attempt('signal the lab', sub { kill(0, $lab) });
# PTRACE_SEIZE, undone when the child ends.
attempt('trace the lab', sub { apart(sub { syscall(101, 0x4206, $lab, 0, 0) == 0 }) });
attempt('large file', sub {
    open(my $f, '>', "$own/large") or return 0;
    my $good = 1;
    for (1 .. 64) { $good = 0 unless (syswrite($f, 'x' x 65536) // 0) == 65536 }
    close $f;
    unlink "$own/large";
    return $good;
});
attempt('much memory', sub { apart(sub { my $times = 2 << 30; my $x = 'x' x $times; length($x) > 0 }) });
if ($ENV{FORKS}) {
    my @children;
    attempt('10000 processes', sub {
        for (1 .. 10000) {
            my $pid = fork();
            return 0 unless defined $pid;
            if (!$pid) { sleep 60; exit 0 }
            push @children, $pid;
        }
        return 1;
    });
    kill('KILL', @children);
    waitpid($_, 0) for @children;
}
print "END\n";
