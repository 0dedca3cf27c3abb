// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

extension Array {
    /// The place of the first element that does not come before a mark; the end where all do.
    /// - Parameter isBefore: holds for the elements up to some place and for none behind it.
    @inline(__always)
    func firstIndex(notBefore isBefore: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        // Ends: each turn halves what is between the two.
        while low < high {
            let middle = (low + high) / 2
            if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
