// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

// Which sources a receiver may get (media-plane.md 9.2).

extension Allocator {
    /// Fills ``wanted``, and writes down why the others are not in it.
    mutating func order(
        _ video: borrowing ConferenceVideo, _ wishes: Span<NamedWish>, for receiver: ReceiverDemand, count: Int,
        into results: inout MutableSpan<SourceAllocation>, _ outcome: inout AllocationOutcome
    ) {
        place(wishes, count: count)
        named.removeAll()
        others.removeAll()
        for index in 0..<count {
            let source = video.sources[index]
            let place = wishPlaces[index]
            let wish = place == .max ? receiver.defaultWish : wishes[Int(place)].wish
            let state: SourceAllocation.State
            if source.owner == receiver.owner {
                state = .own
            } else if !source.isEnabled {
                state = .disabled
            } else if !wish.isWanted {
                state = .unwanted
            } else {
                let rank = place == .max ? .max : wishes[Int(place)].rank
                let ranked = RankedSource(
                    rank: rank, speakerPlace: source.speakerPlace, position: source.position, source: UInt32(index),
                    key: source.key)
                if rank == .max { others.append(ranked) } else { named.append(ranked) }
                continue
            }
            record(SourceAllocation(key: source.key, state: state), at: index, into: &results, &outcome)
        }
        named.sortByRank()
        others.sortByRank()
        take(video, wishes, for: receiver, into: &results, &outcome)
    }

    private mutating func place(_ wishes: Span<NamedWish>, count: Int) {
        wishPlaces.removeAll()
        for _ in 0..<count { wishPlaces.append(.max) }
        for place in 0..<wishes.count {
            let source = Int(wishes[place].source)
            guard source < count, wishPlaces[source] == .max else { continue }
            wishPlaces[source] = UInt32(truncatingIfNeeded: place)
        }
    }

    /// Of those that are wanted the first ones, as far as last-N goes.
    private mutating func take(
        _ video: borrowing ConferenceVideo, _ wishes: Span<NamedWish>, for receiver: ReceiverDemand,
        into results: inout MutableSpan<SourceAllocation>, _ outcome: inout AllocationOutcome
    ) {
        wanted.removeAll()
        let most = receiver.lastN < 0 ? Int.max : Int(receiver.lastN)
        for position in 0..<named.count + others.count {
            let ranked = position < named.count ? named[position] : others[position - named.count]
            guard position < most else {
                record(
                    SourceAllocation(key: ranked.key, state: .beyondLastN), at: Int(ranked.source), into: &results,
                    &outcome)
                continue
            }
            let place = wishPlaces[Int(ranked.source)]
            let wish = place == .max ? receiver.defaultWish : wishes[Int(place)].wish
            let isOnStage = place != .max && wishes[Int(place)].isOnStage
            wanted.append(WantedSource(source: Int(ranked.source), wish: wish, isOnStage: isOnStage))
        }
    }
}
