/*
 * See chain.h.
 */
#include "saleworker/chain.h"

#include <string.h>

#include "common/protocol/sale_hash.h"

bool chain_batch(struct sale_batch *batch)
{
    size_t number = 0;
    if (!sale_batch_reserve_hashes(batch)) {
        return false;
    }
    for (size_t i = 0; i < batch->sale_count; i++) {
        struct sale_batch_sale *sale = &batch->sales[i];
        for (size_t k = 0; sale_batch_touched(sale) && k < sale->set->row_count; k++) {
            sale_hash(sale->hash, &sale->id, &sale->set->rows[k], batch->hashes[number]);
            memcpy(sale->hash, batch->hashes[number], sizeof sale->hash);
            number++;
        }
    }
    return true;
}
