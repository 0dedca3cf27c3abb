// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A moment of the wall clock as a date and time of day in UTC, in the proleptic Gregorian calendar.
public struct CivilTime: Hashable, Sendable {
    /// The year.
    public let year: Int64
    /// The month, 1…12.
    public let month: Int64
    /// The day of the month, 1…31.
    public let day: Int64
    /// Milliseconds since midnight.
    public let millisecondsOfDay: Int64

    /// The date of so many nanoseconds since 1970, UTC.
    public init(nanoseconds: Int64) {
        let dayNanoseconds: Int64 = 86_400_000_000_000
        // Rounded down, also before 1970.
        let (quotient, rest) = nanoseconds.quotientAndRemainder(dividingBy: dayNanoseconds)
        let days = rest < 0 ? quotient - 1 : quotient
        let remainder = rest < 0 ? rest + dayNanoseconds : rest
        millisecondsOfDay = remainder / 1_000_000
        // Counted in cycles of 400 years of 146,097 days, from 1 March of year 0, so that the leap day comes last.
        let shifted = days + 719_468
        let cycle = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfCycle = shifted - cycle * 146_097
        let yearOfCycle = (dayOfCycle - dayOfCycle / 1_460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0)
    }

    /// `yyyy-MM-dd HH:mm:ss.SSS`.
    public var text: String {
        func padded(_ value: Int64, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let seconds = millisecondsOfDay / 1_000
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2)) "
            + "\(padded(seconds / 3_600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
            + ".\(padded(millisecondsOfDay % 1_000, 3))"
    }
}
