// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Files in the shape of those found on real hosts.
enum SampleFiles {
    /// What the Debian package generates.
    static let debian = """
        videobridge {
            http-servers {
                public {
                    port = 9090
                }
            }
            websockets {
                enabled = true
                domain = "meet.example.org:443"
                tls = true
            }
            apis {
                xmpp-client {
                    configs {
                        shard {
                            HOSTNAME=localhost
                            DOMAIN="auth.meet.example.org"
                            USERNAME=jvb
                            PASSWORD="k3#p@tient"
                            MUC_JIDS="jvbbrewery@internal.auth.meet.example.org"
                            MUC_NICKNAME=2b9d7e61-5f0e-4a55-9c1a-0f6f6e5f9a10
                        }
                    }
                }
            }
        }
        ice4j {
            harvest {
                mapping {
                    aws { enabled = false }
                    stun { addresses = ["meet-jit-si-turnrelay.jitsi.net:443"] }
                }
            }
        }
        """

    /// What the docker image renders.
    static let docker = """

        videobridge {
            ice {

                udp {
                    port = 10000
                }
                advertise-private-candidates = true
            }
            apis {
                xmpp-client {
                    configs {


                        shard0 {
                            HOSTNAME = "xmpp-a.example.org"
                            PORT = "5222"
                            DOMAIN = "auth.meet.jitsi"
                            USERNAME = "jvb"
                            PASSWORD = "pa$$word"
                            MUC_JIDS = "jvbbrewery@internal-muc.meet.jitsi, second@internal-muc.meet.jitsi"
                            MUC_NICKNAME = "bridge-7"
                            DISABLE_CERTIFICATE_VERIFICATION = true
                        },

                        shard1 {
                            HOSTNAME = "xmpp-b.example.org"
                            PORT = "6222"
                            USERNAME = "jvb"
                            PASSWORD = 007
                            MUC_JIDS = "jvbbrewery@internal-muc.meet.jitsi"
                            MUC_NICKNAME = "bridge-7"
                            MUC = unused
                        }
                    }
                }
                rest {
                    enabled = True
                }
            }
            rest {
                shutdown {
                    enabled = false
                }
            }
            sctp {
              enabled = true
              use-usrsctp = false
            }
            stats {
              enabled = true
            }
            health {
              require-valid-address = false
            }
            http-servers {
                private {
                  host = 0.0.0.0
                }
                public {
                    host = 0.0.0.0
                }
            }
        }

        ice4j {
            harvest {
                mapping {
                    stun {
                        enabled = false
                        addresses = [ "turn.example.org:443" ]
                    }
                    static-mappings = [
                        {
                            local-address = "172.18.0.5"
                            public-address = "203.0.113.7"
                            local-port = 10000
                            public-port = "10077"
                            name = "ip-0"
                        },
                        { local-address = 10.0.0.1, public-address = 10.0.0.1 },
                        { local-address = 10.0.0.1, public-address = 198.51.100.4 },
                        { local-address = 10.0.0.1, public-address = 198.51.100.4 },
                    ]
                }
            }
        }

        include "custom-jvb.conf"
        """

    /// One of every construct, the seed of mutated input.
    static let everything = """
        // comment
        base { x = 1, y = [1, 2,], z = ${?A} }
        copy = ${base} { x = 2 }
        list = [a b, "c", \"\"\"d\"\"\"]
        list += ${base.x}
        videobridge.ice.udp.port = 10000
        videobridge { ice.udp.port = ${?MEDIA_PORT}, load-management.conference-last-n-limits { 40 = 20, 100 = 9 } }
        videobridge.cc.assumed-bandwidth-limit = 10 Mbps
        "quoted.key" = "\\u0041\\n"
        nothing = null
        include "other"
        include required(file("x"))
        """
}
