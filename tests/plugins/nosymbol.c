/* nosymbol.c - a shared object that is no plugin. */
#include <tandem/plugin.h>

extern TD_EXPORT const int not_a_plugin;
const int not_a_plugin = 1;
