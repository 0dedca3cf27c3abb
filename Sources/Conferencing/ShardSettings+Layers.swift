// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Allocation
public import Primitives

// Settings of the choice of layers from the plain values of the configuration.

extension ShardSettings {
    /// The most slots of a receiver with SSRC rewriting.
    var slots: (audio: Int, video: Int) { (audioSlots, Int(lastN.slots)) }

    /// Sets which layers come into question.
    /// - Parameters:
    ///   - preferredHeight: up to it a camera on stage is served before anybody else, in pixels.
    ///   - preferredFrameRate: frames per second that a layer of that height or more must have.
    ///   - oversending: by how many bits per second a screen on stage may exceed the rate; `nil` for not at all.
    ///   - pictures: that a receiver gets at most.
    public mutating func setLayers(
        preferredHeight: Int, preferredFrameRate: Double, oversending: Int?, pictures: Int
    ) {
        allocation.preferredHeight = Int32(clamping: preferredHeight)
        allocation.preferredFrameRate = FrameRate(perSecond: preferredFrameRate)
        allocation.allowsOversending = oversending != nil
        if let oversending { allocation.maxOversending = Int64(oversending) }
        lastN.slots = Int32(clamping: pictures)
    }

    /// Sets what is taken for a receiver's rate, and when that is news.
    /// - Parameters:
    ///   - areTrusted: estimates count at all.
    ///   - ignorePeriod: so long after the first picture they do not.
    ///   - assumedLimit: up to so many bits per second receivers may say themselves what they can take.
    ///   - rates: bounds, in bits per second.
    ///   - changeThreshold: smaller changes are none, in thousandths.
    ///   - maxInterval: the longest time between two choices.
    public mutating func setEstimates(
        areTrusted: Bool, ignorePeriod: TimeDelta, assumedLimit: Int?,
        rates: (initial: Int, least: Int, most: Int), changeThreshold: Int, maxInterval: TimeDelta
    ) {
        estimates.trustsEstimates = areTrusted
        estimates.ignorePeriod = ignorePeriod
        estimates.assumedLimit = assumedLimit.map { UInt64(max(0, $0)) }
        brake.initial = UInt64(max(0, rates.initial))
        brake.floor = UInt64(max(0, rates.least))
        brake.ceiling = UInt64(max(0, rates.most))
        allocationSchedule.changeThreshold = UInt64(max(0, changeThreshold))
        // None shorter than what one receiver may cause itself.
        allocationSchedule.maxInterval = max(maxInterval, ConferencingLimits.shortestInterval)
    }
}
