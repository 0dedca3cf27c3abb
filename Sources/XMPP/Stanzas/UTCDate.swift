// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A moment of the calendar, for XEP-0082's date format.
struct UTCDate {
    let milliseconds: Int64

    /// E.g. `2026-08-21T07:30:05.250Z`.
    var text: String {
        let clamped = max(0, min(milliseconds, 253_402_300_799_999))
        let days = clamped / 86_400_000
        let rest = clamped % 86_400_000
        // Days since 1970 to a date, counting years from March so that the leap day is the last of its year.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let date = Self.digits(year, 4) + "-" + Self.digits(month, 2) + "-" + Self.digits(day, 2)
        let hours = Self.digits(rest / 3_600_000, 2)
        let minutes = Self.digits(rest / 60_000 % 60, 2)
        let seconds = Self.digits(rest / 1_000 % 60, 2) + "." + Self.digits(rest % 1_000, 3)
        return date + "T" + hours + ":" + minutes + ":" + seconds + "Z"
    }

    private static func digits(_ number: Int64, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
}
