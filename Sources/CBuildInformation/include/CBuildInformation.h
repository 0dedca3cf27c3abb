// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
#ifndef VIADUCT_CBUILDINFORMATION_H
#define VIADUCT_CBUILDINFORMATION_H

/// Which build this is: the text that `scripts/release` wrote into the program, or "development".
const char *viaduct_build_identifier(void);

#endif
