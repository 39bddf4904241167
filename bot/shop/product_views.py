"""Shows products and variants in the words of docs/operations.md."""

from typing import Any

from bot.shop.backend import Found
from bot.shop.models import Product, Variant

__all__ = ["availability", "product_view", "variant_view"]


def availability(variant: Variant, low_stock: int) -> dict[str, Any]:
    """Show how many there are: a number only when there are few."""
    few = "low" if variant.stock <= low_stock else "in_stock"
    state = few if variant.stock > 0 else "out_of_stock"
    return {"availability": state, "stock": variant.stock if state == "low" else None}


def variant_view(variant: Variant, low_stock: int) -> dict[str, Any]:
    """Show a variant."""
    return {
        "sku": variant.sku,
        "variant": variant.name,
        "variant_en": variant.name_en,
        "options": variant.options,
        "price": variant.price,
        **availability(variant, low_stock),
        "restock_on": variant.restock_on,
    }


def product_view(found: Found) -> dict[str, Any]:
    """Show a product in a list."""
    product: Product = found.product
    prices = sorted((variant.price for variant in product.variants), key=lambda price: price.cents)
    return {
        "id": product.id,
        "name": product.name,
        "name_en": product.name_en,
        "category": product.category,
        "price_from": prices[0] if prices else None,
        "price_to": prices[-1] if prices else None,
        "in_stock": any(variant.stock > 0 for variant in product.variants),
        "url": product.url,
        "description": product.description,
        "description_en": product.description_en,
        "attributes": product.attributes,
        "score": round(found.score, 3),
    }
