// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
#pragma once
#include <expat.h>

// Expat 2.6 puts off parsing what looks incomplete, and Debian's updates of 2.5 brought that and its switch. Weak,
// because the first 2.5 of Debian 12 has neither: what only an update brought is not needed to build or to start.
extern XML_Bool XML_SetReparseDeferralEnabled(XML_Parser parser, XML_Bool enabled) __attribute__((weak));

/// Has a stanza handed on as soon as its last byte is there, whichever expat this is.
static inline void viaduct_expat_parse_at_once(XML_Parser parser) {
  if (XML_SetReparseDeferralEnabled) XML_SetReparseDeferralEnabled(parser, 0);
}
