#!/usr/bin/perl
# smsc_net_smpp.pl - an SMSC by Net::SMPP (Debian libnet-smpp-perl), for tests/channels/sms_perl.mjs.
#
# Says what happens as one JSON object a line, and takes orders the same way from its standard input:
#   {"order":"deliver", "source_addr":"4511", "short_message":"68656c6c6f", ..}   bytes in hex
#   {"order":"enquire_link"}, {"order":"refuse"} (the next submit_sm, with 0x58)
# It ends with its standard input.
use strict;
use warnings;

use IO::Select;
use JSON::PP;
use Net::SMPP;

$| = 1;
my $json = JSON::PP->new->canonical;
my $listener = Net::SMPP->new_listen('127.0.0.1', port => 0, async => 1) or die "listen: $!";
my $select = IO::Select->new($listener, \*STDIN);
my ($esme, $last_id, $refusals, $orders) = (undef, 0, 0, '');

sub say_line { print $json->encode({@_}), "\n"; }

my %names = (
    0x00000001 => 'bind_receiver', 0x00000002 => 'bind_transmitter', 0x00000009 => 'bind_transceiver',
    0x00000004 => 'submit_sm', 0x80000005 => 'deliver_sm_resp', 0x00000006 => 'unbind',
    0x00000015 => 'enquire_link', 0x80000015 => 'enquire_link_resp',
);

my %answers = (
    bind_transceiver => sub {
        my ($to, $pdu) = @_;
        my $status = $pdu->{password} eq 'secret' ? 0 : 0x0e;
        $to->bind_transceiver_resp(seq => $pdu->{seq}, status => $status, system_id => 'perl');
        $esme = $to if $status == 0;
    },
    submit_sm => sub {
        my ($to, $pdu) = @_;
        if ($refusals > 0) {
            $refusals--;
            $to->submit_sm_resp(seq => $pdu->{seq}, status => 0x58, message_id => '');
            return;
        }
        $to->submit_sm_resp(seq => $pdu->{seq}, message_id => 'p' . ++$last_id);
        return (id => "p$last_id");
    },
    enquire_link => sub { $_[0]->enquire_link_resp(seq => $_[1]{seq}); },
    unbind => sub { $_[0]->unbind_resp(seq => $_[1]{seq}); },
);

my @numbers = qw(seq status source_addr_ton source_addr_npi dest_addr_ton dest_addr_npi esm_class
    registered_delivery data_coding interface_version);
my @strings = qw(source_addr destination_addr system_id password);

sub take {
    my ($from, $pdu) = @_;
    my $name = $names{$pdu->{cmd}} // sprintf '0x%08x', $pdu->{cmd};
    my @more = $answers{$name} ? $answers{$name}->($from, $pdu) : ();
    my %facts = (pdu => $name);
    $facts{$_} = 0 + $pdu->{$_} for grep { defined $pdu->{$_} } @numbers;
    $facts{$_} = $pdu->{$_} for grep { defined $pdu->{$_} } @strings;
    $facts{short_message} = unpack 'H*', $pdu->{short_message} if defined $pdu->{short_message};
    say_line(%facts, $name eq 'submit_sm' ? (id => undef, @more) : ());
}

sub obey {
    my $order = $json->decode(shift);
    my $what = delete $order->{order};
    if ($what eq 'refuse') { $refusals++; return; }
    if ($what eq 'enquire_link') { $esme->enquire_link(); return; }
    $order->{short_message} = pack 'H*', $order->{short_message};
    $esme->deliver_sm(destination_addr => '12345', source_addr_ton => 1, source_addr_npi => 1, %$order);
}

say_line(port => $listener->sockport);
for (;;) {
    for my $ready ($select->can_read) {
        if ($ready == $listener) {
            $select->add($listener->accept);
        } elsif ($ready == \*STDIN) {
            sysread(STDIN, $orders, 65536, length $orders) or exit 0;
            obey($1) while $orders =~ s/^(.*)\n//;
        } else {
            my $pdu = $ready->read_pdu;
            if ($pdu) { take($ready, $pdu); next; }
            $select->remove($ready);
            $ready->close;
            say_line(closed => JSON::PP::true);
        }
    }
}
