// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
#pragma once
#include <expat.h>

// Expat 2.6 puts off parsing what looks incomplete, and Debian's updates of 2.5 brought that and its switch. The first
// 2.5 of Debian 12 has neither, and what only an update brought is not needed to build or to start: the declaration is
// ours, so that the header needs none, and weak, so that the library needs none. Which of the two holds is found when
// the program starts, not when it is built: our programs are position-independent, and in those the linkers leave a
// weak symbol open even where the library at hand lacks it (tried with lld, gold and bfd, and by scripts/oldest-debian
// both ways). dlsym would find the same without the compiler's check of the types.
extern XML_Bool XML_SetReparseDeferralEnabled(XML_Parser parser, XML_Bool enabled) __attribute__((weak));

/// Has a stanza handed on as soon as its last byte is there, whichever expat this is.
static inline void viaduct_expat_parse_at_once(XML_Parser parser) {
  if (XML_SetReparseDeferralEnabled) XML_SetReparseDeferralEnabled(parser, 0);
}
