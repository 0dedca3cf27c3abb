// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

// Which layers of a source come into question (media-plane.md 9.3).

extension Allocator {
    /// Finds the candidates of every source that the receiver may get.
    mutating func choose(_ video: borrowing ConferenceVideo, _ wishes: Span<NamedWish>, for receiver: ReceiverDemand) {
        candidates.removeAll()
        for place in 0..<wanted.count {
            wanted[place].first = candidates.count
            let source = video.sources[wanted[place].source]
            let range = video.layers(of: source)
            guard !range.isEmpty else { continue }
            let survey = LayerSurvey(video.layers, range, isAnnounced: settings.usesAnnouncedBitrates)
            wanted[place].isActive = survey.isActive
            switch source.kind {
            case .camera: chooseCamera(place, video, range, survey)
            case .desktop: chooseScreen(place, video, range, survey)
            }
        }
    }

    private mutating func chooseCamera(
        _ place: Int, _ video: borrowing ConferenceVideo, _ range: Range<Int>, _ survey: LayerSurvey
    ) {
        let filter = LayerFilter(camera: wanted[place].wish, survey, video.layers, range, settings)
        admit(place, video, range, survey) { filter.admits($0) }
        if candidates.count == wanted[place].first { admitSmallest(place, video, range, survey, onlyOne: false) }
        var preferred = -1
        for position in wanted[place].first..<candidates.count where candidates[position].height <= filter.firstServed {
            preferred = position - wanted[place].first
        }
        finish(place, preferred: preferred)
    }

    private mutating func chooseScreen(
        _ place: Int, _ video: borrowing ConferenceVideo, _ range: Range<Int>, _ survey: LayerSurvey
    ) {
        let filter = LayerFilter(screen: wanted[place].wish, survey)
        admit(place, video, range, survey) { filter.admits($0) }
        if candidates.count == wanted[place].first {
            admitSmallest(place, video, range, survey, onlyOne: !wanted[place].isOnStage)
        }
        finish(place, preferred: candidates.count - wanted[place].first - 1)
        guard wanted[place].isOnStage, settings.allowsOversending, wanted[place].count > 0 else { return }
        let first = wanted[place].first
        let largest = candidates[candidates.count - 1].height
        // The cheapest of the largest ones, as dearer ones come later.
        for position in 0..<wanted[place].count where candidates[first + position].height == largest {
            wanted[place].oversend = position
            break
        }
    }

    /// Takes the layers that pass; of a source of which anything comes, only those that come.
    private mutating func admit(
        _ place: Int, _ video: borrowing ConferenceVideo, _ range: Range<Int>, _ survey: LayerSurvey,
        where isAdmitted: (VideoLayer) -> Bool
    ) {
        for position in range {
            let layer = video.layers[position]
            let cost = layer.cost(isAnnounced: settings.usesAnnouncedBitrates)
            guard cost > 0 || !survey.isActive, isAdmitted(layer) else { continue }
            insert(layer, cost: cost, from: wanted[place].first, survey)
        }
    }

    /// Nothing that comes is as small as the receiver wants: the smallest there is. The original does so for screens
    /// only, and shows nothing of a camera whose small encoding has stopped.
    /// - Parameter onlyOne: of layers whose frame rates nobody knows the first has to do.
    private mutating func admitSmallest(
        _ place: Int, _ video: borrowing ConferenceVideo, _ range: Range<Int>, _ survey: LayerSurvey, onlyOne: Bool
    ) {
        let height = survey.isActive ? survey.smallestActive : survey.smallest
        admit(place, video, range, survey) { $0.knownHeight == height }
        let first = wanted[place].first
        guard onlyOne, candidates.count > first + 1, !candidates[first].frameRate.isKnown else { return }
        while candidates.count > first + 1 { _ = candidates.popLast() }
    }

    /// Adds a candidate where it belongs: by height where heights are known, as encodings may come in any order, then
    /// as it is numbered; within an encoding by frame rate.
    private mutating func insert(_ layer: VideoLayer, cost: Int64, from first: Int, _ survey: LayerSurvey) {
        let candidate = CandidateLayer(
            index: layer.index, height: layer.knownHeight, frameRate: layer.frameRate, cost: cost)
        candidates.append(candidate)
        var position = candidates.count - 1
        while position > first, candidate.isWorse(than: candidates[position - 1], byHeight: survey.hasHeights) {
            candidates[position] = candidates[position - 1]
            position -= 1
        }
        candidates[position] = candidate
    }

    /// Takes out the candidates of the last source that cost as much as a better one, so that from here on each is
    /// better and dearer than the one before it.
    private mutating func finish(_ place: Int, preferred: Int) {
        let first = wanted[place].first
        var least = Int64.max
        var position = candidates.count
        while position > first {
            position -= 1
            if candidates[position].cost < least {
                least = candidates[position].cost
            } else {
                candidates[position].cost = -1
            }
        }
        var kept = first
        for position in first..<candidates.count where candidates[position].cost >= 0 {
            // What was preferred may have gone in favour of a better one.
            if preferred >= 0, wanted[place].preferred < 0, position - first >= preferred {
                wanted[place].preferred = kept - first
            }
            candidates[kept] = candidates[position]
            kept += 1
        }
        while candidates.count > kept { _ = candidates.popLast() }
        wanted[place].count = kept - first
    }
}
