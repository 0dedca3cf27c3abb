// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// How much the counts of a speaker's recent levels look like speech: the three scores of Volfin and Cohen, as
/// media-plane.md 10.2 has them.
///
/// `score(v, n, λ) = max(1e-10, ln C(n, v) + v ln ½ + (n - v) ln ½ - ln λ + λ v)`, of `v` loud ones among `n`. The
/// counts are small, so the scores are tables and nothing is computed; a test compares them with the formula. Decisions
/// compare logarithms of scores: a ratio there is a difference here.
public enum SpeechScore {
    /// Of the newest level, `v` of 13 steps of loudness; λ = 0.78.
    public static func immediate(_ v: UInt8) -> Double {
        switch v {
        case 4: 0.9298305547132184
        case 5: 2.297617219615338
        case 6: 3.3652992920671188
        case 7: 4.145299292067119
        case 8: 4.637617219615338
        case 9: 4.829830554713219
        case 10: 4.693539822839064
        case 11: 4.174256838708802
        case 12: 3.1624973694807466
        case 13: 1.3775480120192114
        default: least
        }
    }

    /// Of the newest five levels, `v` of which are loud; λ = 24.
    public static func medium(_ v: UInt8) -> Double {
        switch v {
        case 1: 18.96564817928643
        case 2: 43.65879535984637
        case 3: 67.65879535984638
        case 4: 90.96564817928643
        case 5: 113.35621026685233
        default: least
        }
    }

    /// Of the last ten groups of five levels, `v` of which are loud throughout; λ = 47.
    public static func long(_ v: UInt8) -> Double {
        switch v {
        case 1: 38.52096568568453
        case 2: 87.02504308246081
        case 3: 135.00587233547253
        case 4: 182.56548812340796
        case 5: 229.74780968020193
        case 6: 276.56548812340793
        case 7: 323.00587233547253
        case 8: 369.0250430824608
        case 9: 414.52096568568453
        case 10: 459.2183805926905
        default: least
        }
    }

    /// No score is smaller.
    public static let least = 1e-10

    /// `ln` of ``immediate(_:)``.
    static func logImmediate(_ v: UInt8) -> Double {
        switch v {
        case 4: -0.0727529086682306
        case 5: 0.8318725944534233
        case 6: 1.2135169018063467
        case 7: 1.4219749915456086
        case 8: 1.5342007040810284
        case 9: 1.5748113852091858
        case 10: 1.5461870574375265
        case 11: 1.4289363397539785
        case 12: 1.1513620222685486
        case 13: 0.3203051158979375
        default: logLeast
        }
    }

    /// `ln` of ``medium(_:)``.
    static func logMedium(_ v: UInt8) -> Double {
        switch v {
        case 1: 2.942629352214949
        case 2: 3.7764047593496315
        case 3: 4.214477358876097
        case 4: 4.510481942713293
        case 5: 4.730535163867814
        default: logLeast
        }
    }

    /// `ln` of ``long(_:)``.
    static func logLong(_ v: UInt8) -> Double {
        switch v {
        case 1: 3.6512026563375053
        case 2: 4.466195928755821
        case 3: 4.905318276273663
        case 4: 5.2071089476875905
        case 5: 5.436982227698304
        case 6: 5.6224476396578975
        case 7: 5.777670503662569
        case 8: 5.91086450916978
        case 9: 6.027123553961292
        case 10: 6.129525871627387
        default: logLeast
        }
    }

    /// `ln` of ``least``.
    private static var logLeast: Double { -23.025850929940457 }
}
