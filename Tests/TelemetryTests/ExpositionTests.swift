// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Telemetry
import TestSupport
import Testing

@Suite("Metrics exposition")
struct ExpositionTests {
    static let document = MetricsDocument(
        metrics: [
            Metric("conferences", "Conferences right now.", .gauge(3)),
            Metric("stress", "Load ÷ threshold.", .number(0.25)),
            Metric("healthy", "Last health result.", .flag(true)),
            Metric("endpoints", "Endpoints since start.", .counter(118)),
            Metric("region", "Region of this \"bridge\"\\\n.", .info(label: "region", text: "eu-\"central\"\\")),
            Metric(
                "conferences_by_size", "Sizes.",
                .histogram(HistogramSnapshot(bounds: [0, 1, 20], counts: [0, 2, 4, 1], sum: 31))),
            Metric("send_calls", "System calls that sent.", .counter(20_000_000), prefix: Metric.ownPrefix),
        ],
        createdSeconds: 1_788_272_000.118)

    @Test("OpenMetrics form, byte for byte")
    func openMetrics() {
        let expected = """
            # TYPE jitsi_jvb_conferences gauge
            # HELP jitsi_jvb_conferences Conferences right now.
            jitsi_jvb_conferences 3.0
            # TYPE jitsi_jvb_stress gauge
            # HELP jitsi_jvb_stress Load ÷ threshold.
            jitsi_jvb_stress 0.25
            # TYPE jitsi_jvb_healthy gauge
            # HELP jitsi_jvb_healthy Last health result.
            jitsi_jvb_healthy 1.0
            # TYPE jitsi_jvb_endpoints counter
            # HELP jitsi_jvb_endpoints Endpoints since start.
            jitsi_jvb_endpoints_total 118.0
            jitsi_jvb_endpoints_created 1.788272000118E9
            # TYPE jitsi_jvb_region info
            # HELP jitsi_jvb_region Region of this \\"bridge\\"\\\\\\n.
            jitsi_jvb_region_info{region="eu-\\"central\\"\\\\"} 1.0
            # TYPE jitsi_jvb_conferences_by_size histogram
            # HELP jitsi_jvb_conferences_by_size Sizes.
            jitsi_jvb_conferences_by_size_bucket{le="0.0"} 0.0
            jitsi_jvb_conferences_by_size_bucket{le="1.0"} 2.0
            jitsi_jvb_conferences_by_size_bucket{le="20.0"} 6.0
            jitsi_jvb_conferences_by_size_bucket{le="+Inf"} 7.0
            jitsi_jvb_conferences_by_size_count 7.0
            jitsi_jvb_conferences_by_size_sum 31.0
            jitsi_jvb_conferences_by_size_created 1.788272000118E9
            # TYPE viaduct_send_calls counter
            # HELP viaduct_send_calls System calls that sent.
            viaduct_send_calls_total 2.0E7
            viaduct_send_calls_created 1.788272000118E9
            # EOF

            """
        #expect(String(decoding: Self.document.body(.openMetrics), as: UTF8.self) == expected)
    }

    @Test("text form 0.0.4, byte for byte")
    func text() {
        let expected = """
            # HELP jitsi_jvb_conferences Conferences right now.
            # TYPE jitsi_jvb_conferences gauge
            jitsi_jvb_conferences 3.0
            # HELP jitsi_jvb_stress Load ÷ threshold.
            # TYPE jitsi_jvb_stress gauge
            jitsi_jvb_stress 0.25
            # HELP jitsi_jvb_healthy Last health result.
            # TYPE jitsi_jvb_healthy gauge
            jitsi_jvb_healthy 1.0
            # HELP jitsi_jvb_endpoints_total Endpoints since start.
            # TYPE jitsi_jvb_endpoints_total counter
            jitsi_jvb_endpoints_total 118.0
            # HELP jitsi_jvb_region_info Region of this "bridge"\\\\\\n.
            # TYPE jitsi_jvb_region_info gauge
            jitsi_jvb_region_info{region="eu-\\"central\\"\\\\"} 1.0
            # HELP jitsi_jvb_conferences_by_size Sizes.
            # TYPE jitsi_jvb_conferences_by_size histogram
            jitsi_jvb_conferences_by_size_bucket{le="0.0"} 0.0
            jitsi_jvb_conferences_by_size_bucket{le="1.0"} 2.0
            jitsi_jvb_conferences_by_size_bucket{le="20.0"} 6.0
            jitsi_jvb_conferences_by_size_bucket{le="+Inf"} 7.0
            jitsi_jvb_conferences_by_size_count 7.0
            jitsi_jvb_conferences_by_size_sum 31.0
            # HELP viaduct_send_calls_total System calls that sent.
            # TYPE viaduct_send_calls_total counter
            viaduct_send_calls_total 2.0E7
            # HELP jitsi_jvb_endpoints_created Endpoints since start.
            # TYPE jitsi_jvb_endpoints_created gauge
            jitsi_jvb_endpoints_created 1.788272000118E9
            # HELP jitsi_jvb_conferences_by_size_created Sizes.
            # TYPE jitsi_jvb_conferences_by_size_created gauge
            jitsi_jvb_conferences_by_size_created 1.788272000118E9
            # HELP viaduct_send_calls_created System calls that sent.
            # TYPE viaduct_send_calls_created gauge
            viaduct_send_calls_created 1.788272000118E9

            """
        #expect(String(decoding: Self.document.body(.text), as: UTF8.self) == expected)
    }

    @Test("JSON form, byte for byte")
    func json() {
        let expected =
            #"{"conferences":3,"stress":0.25,"healthy":true,"endpoints_total":118,"region":"eu-\"central\"\\","#
            + #""conferences_by_size":{"bucket_le_0.0":0.0,"bucket_le_1.0":2.0,"bucket_le_20.0":6.0,"#
            + #""bucket_le_+Inf":7.0,"count":7.0,"sum":31.0,"created":1788272000.118},"#
            + #""viaduct_send_calls_total":20000000}"#
        #expect(String(decoding: Self.document.body(.json), as: UTF8.self) == expected)
    }

    @Test(
        "numbers are written the way Java does",
        arguments: [
            (0.0, "0.0"), (-0.0, "-0.0"), (1, "1.0"), (-3, "-3.0"), (0.1, "0.1"), (0.001, "0.001"), (0.0001, "1.0E-4"),
            (123.456, "123.456"), (9_999_999, "9999999.0"), (10_000_000, "1.0E7"), (12_345_678.9, "1.23456789E7"),
            (1e300, "1.0E300"), (1.5e-300, "1.5E-300"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
            (1e22, "1.0E22"), (0.012, "0.012"), (100, "100.0"),
        ])
    func numbers(_ value: Double, _ text: String) {
        let document = MetricsDocument(metrics: [Metric("x", "h", .number(value))], createdSeconds: 0)
        #expect(
            String(decoding: document.body(.openMetrics), as: UTF8.self)
                == "# TYPE jitsi_jvb_x gauge\n# HELP jitsi_jvb_x h\njitsi_jvb_x \(text)\n# EOF\n")
    }

    @Test("every finite number reads back as itself")
    func numbersReadBack() {
        let failure = checkProperty(cases: 2_000) { random in
            let value = Double(bitPattern: random.next())
            guard value.isFinite else { return nil }
            let document = MetricsDocument(metrics: [Metric("x", "h", .number(value))], createdSeconds: 0)
            let lines = String(decoding: document.body(.openMetrics), as: UTF8.self).split(separator: "\n")
            let text = lines[2].split(separator: " ")[1]
            return Double(text) == value ? nil : "\(value) became \(text)"
        }
        #expect(failure == nil)
    }

    static let prometheus =
        "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"

    @Test(
        "the Accept header chooses the form",
        arguments: [
            (nil, MetricsFormat.openMetrics), ("", .openMetrics), ("*/*", .openMetrics),
            ("application/openmetrics-text", .openMetrics), ("text/plain", .text), ("TEXT/Plain ; q=0.5", .text),
            ("application/json", .json), ("application/json, text/plain", .json),
            ("application/json;q=0.1, text/plain;q=0.2", .text), ("text/html, application/json;q=0.9", .json),
            (prometheus, .openMetrics), ("text/html", Optional.none), ("text/plain;q=0", .none), ("rubbish", .none),
            (";;,,q=1", .none), ("text/plain;q=x", .none), ("text/html,*/*;q=0.8", .openMetrics),
        ] as [(String?, MetricsFormat?)])
    func negotiation(_ accept: String?, _ format: MetricsFormat?) {
        #expect(MetricsFormat.negotiated(accept: accept) == format)
    }

    @Test("any Accept header is survived")
    func hostileAccept() {
        let failure = checkProperty(cases: 2_000) { random in
            let bytes = mutate(Array(Self.prometheus.utf8), using: &random)
            _ = MetricsFormat.negotiated(accept: String(decoding: bytes, as: UTF8.self))
            return nil
        }
        #expect(failure == nil)
        #expect(MetricsFormat.negotiated(accept: String(repeating: "*/*,", count: 10_000)) == nil)
    }
}
