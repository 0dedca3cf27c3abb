// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

extension LoadOptions {
    /// What `--help` prints.
    public static let help = """
        viaduct-load: plays focus and participants against a Jitsi-compatible videobridge, checks every packet.

        The bridge is reached by one of
          --rest http://HOST:PORT     its private HTTP address (Colibri2 must be switched on there)
          --xmpp HOST[:PORT]          an XMPP server; then also --domain D --room JID [--user U] [--password P]
                                      [--nick N] [--bridge NICK] [--verify-certificate]

        The call
          --conferences N             conferences, all alike (1)
          --participants N            participants of each (3)
          --senders N                 how many of them send audio and video (all)
          --receivers N               how many only receive
          --audio-senders N, --video-senders N   the same, one by one
          --audio-rate N              audio packets per second: 50, 100, 200, 400 (50)
          --audio-bitrate R           audio bits per second (32k)
          --video-bitrate R           video bits per second (1.5M)
          --video-fps N               video frames per second (30)
          --interleave                spread each frame over its interval, packets of all senders mixed, as they
                                      come out of a network; else frames leave whole, as browsers send them
          --tick MS                   with --interleave: all senders' packets leave at multiples of MS, in turn (0)
          --simulcast                 VP8 in three encodings of 180, 360 and 720 lines with a tenth, a third and the
                                      whole of the video bit rate, each in three temporal layers; encodings stop and
                                      go on as the bridge says. What comes is judged as a decoder would
          --repair                    missing packets of video are asked for and sent again (RTX), pictures judged as a
                                      decoder would; so with --simulcast and with loss
          --loss-up P, --loss-down P  percent of media and RTCP that each participant loses on purpose before sending
                                      and after receiving, the same ones for the same seed (0)
          --constraints SCRIPT        what each receiver asks for, SECONDS:NAME=NUMBER,…;… with the names stage (lines
                                      of the speaker's picture), others (lines of all others), lastn; such as
                                      "0:stage=180,others=180;3:stage=720;6:stage=180" (720 lines of everybody)
          --least-share P             percent of the time for which pictures must be of the encoding asked for (80)
          --ssrc-rewriting            participants get each other's streams under SSRCs that the bridge tells them on
                                      their channels, and know no others
          --channel sctp|websocket|none   what carries the bridge channel; none: no channel is asked for, and
                                      a bridge that offers WebSockets then forwards sound alone (sctp)
          --messages N                endpoint messages per second that the members of each conference send to
                                      everybody, together; 0: one each (0)
          --turn S                    seconds that each audio sender talks, one after another, the others being quiet;
                                      0: all talk all the time (2.5 with a channel, 0 without)
          --duration S                seconds, from everyone being connected (10)
          --ramp N                    participants joining per second; 0: as fast as they can (0)
          --join-timeout S            seconds that bridge and server may take to show up and to answer,
                                      and participants to connect once the last has been asked for (30)
          --profile gcm|cm|any        SRTP profile offered (any)
          --passive                   participants answer DTLS passively
          --local ADDRESS             local address of the participants
          --seed N                    start of all random numbers (1)

        Measuring
          --verify all|sample|headers decrypt every, one in 8, one in 64 packets, and read as many messages (all)
          --threads N                 media threads (1)
          --gso                       send video frames as trains; browsers do not
          --pid PID                   measure this process: the bridge
          --json FILE                 write the result as JSON, times in microseconds
          --quiet                     no live table

        A call is perfect when everybody was connected to its end, every stream was seen, and no packet was lost,
        altered, doubled, delivered to the wrong receiver or of no known kind. On the bridge channel everybody has to be
        greeted, told of each change of the speaker while that speaker talks, and handed the endpoint messages that are
        for them, once and unaltered: those of the others to all, one from one of them alone.
        Ctrl-C ends it early.

        Exit status: 0 a perfect call, 1 not perfect, 2 could not be carried out, 64 wrong usage.
        """
}
