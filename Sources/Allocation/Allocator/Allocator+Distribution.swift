// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

// The rate given out in rounds (media-plane.md 9.4).

extension Allocator {
    /// Gives every source that is wanted its target.
    /// - Returns: whether more was given than there is.
    mutating func distribute(_ rate: Int64) -> Bool {
        var budget = rate
        var isChanging = true
        // Each round but the last moves a source by at least one of its candidates.
        var rounds = candidates.count + 1
        while isChanging, rounds > 0 {
            isChanging = false
            rounds -= 1
            for place in 0..<wanted.count {
                if !wanted[place].isSettled {
                    let before = cost(of: place)
                    if improve(place, budget: budget, mayOversend: place == 0) {
                        isChanging = true
                        budget -= cost(of: place) - before
                    } else {
                        // What is left only becomes less, and each step costs something.
                        wanted[place].isSettled = true
                    }
                }
                // Thumbnails that appear now would go again as soon as the stage takes more.
                if wanted[place].isOnStage, wanted[place].target < wanted[place].preferred { break }
            }
        }
        return budget < 0
    }

    /// What a source costs as it is now, in bits per second.
    private func cost(of place: Int) -> Int64 {
        let source = wanted[place]
        return source.target < 0 ? 0 : candidates[source.first + source.target].cost
    }

    /// How much more than the rate may be given, in bits per second.
    private var oversending: Int64 { min(max(settings.maxOversending, 0), Int64(AllocationLimits.layerBitrate)) }

    /// Gives a source more, if there is enough.
    /// - Returns: whether it got more.
    private mutating func improve(_ place: Int, budget: Int64, mayOversend: Bool) -> Bool {
        let source = wanted[place]
        let available = budget + cost(of: place)
        var target = source.target
        if target < 0, source.preferred >= 0, source.isOnStage {
            while target < source.preferred, candidates[source.first + target + 1].cost <= available { target += 1 }
        } else if target + 1 < source.count, candidates[source.first + target + 1].cost < available {
            target += 1
        }
        // A screen that cannot be read is worth nothing: the lowest step beyond the rate, if it is not too far.
        if mayOversend, target < source.oversend,
            candidates[source.first + target + 1].cost <= available + oversending
        {
            target += 1
        }
        wanted[place].target = target
        return target != source.target
    }
}
